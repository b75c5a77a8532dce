//! Sessions on fake kernels.
#![allow(clippy::unwrap_used, reason = "tests")]

use fake_kernel::FakeKernels;
use kernels::KernelId;
use serde_json::json;
use sessions::{
    Changes, KernelChange, KernelChoice, NewKernel, NewSession, SessionId, SessionManager, SessionModel,
    SessionsError,
};

fn new() -> NewSession {
    NewSession {
        id: SessionId::random(),
        name: Some("x.ipynb".to_owned()),
        kind: "notebook".to_owned(),
        kernel: start(None),
    }
}

/// A kernel of this kernelspec, in the root directory.
fn start(name: Option<&str>) -> KernelChoice {
    KernelChoice::Start(NewKernel {
        id: KernelId::random(),
        name: name.map(str::to_owned),
        directory: String::new(),
    })
}

/// The session a page gets that opens a document.
async fn open(sessions: &SessionManager, path: &str, new: NewSession) -> Result<SessionModel, SessionsError> {
    let turn = sessions.turn(path).await;
    match sessions.at_path(path) {
        Some(existing) => Ok(existing),
        None => turn.open(new).await,
    }
}

async fn opened(sessions: &SessionManager, path: &str) -> SessionModel {
    open(sessions, path, new()).await.unwrap()
}

#[tokio::test]
async fn a_session_starts_a_kernel_and_looks_as_jupyters() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let session = opened(&sessions, "a/x.ipynb").await;
    let kernel = kernels.manager.get(&session.kernel.id).unwrap();
    let expected = json!({
        "id": session.id.as_str(),
        "path": "a/x.ipynb",
        "name": "x.ipynb",
        "type": "notebook",
        "kernel": kernel.model(),
        "notebook": {"path": "a/x.ipynb", "name": "x.ipynb"},
    });
    assert_eq!(
        serde_json::to_value(sessions.get(&session.id).unwrap()).unwrap(),
        expected
    );

    let console = NewSession {
        kind: "console".to_owned(),
        name: None,
        ..new()
    };
    let console = open(&sessions, "console-1", console).await.unwrap();
    let console = serde_json::to_value(console).unwrap();
    assert_eq!((&console["name"], console.get("notebook")), (&json!(null), None));
    assert_eq!(sessions.list().len(), 2);
}

#[tokio::test]
async fn a_document_has_one_session_even_when_opened_twice_at_once() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let (one, two) = tokio::join!(opened(&sessions, "x"), opened(&sessions, "x"));
    assert_eq!(one.id, two.id);
    assert_eq!((sessions.list().len(), kernels.manager.list().len()), (1, 1));
}

#[tokio::test]
async fn a_session_uses_the_kernel_it_is_told_to_or_makes_it() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let running = kernels.start().await.unwrap();
    let on_running = NewSession {
        kernel: KernelChoice::Running(running.id().clone()),
        ..new()
    };
    let session = open(&sessions, "x", on_running.clone()).await.unwrap();
    assert_eq!((&session.id, &session.kernel.id), (&on_running.id, running.id()));

    let id: KernelId = "a-b-c-d-e".parse().unwrap();
    let made = NewSession {
        kernel: KernelChoice::Start(NewKernel {
            id: id.clone(),
            name: None,
            directory: String::new(),
        }),
        ..new()
    };
    assert_eq!(open(&sessions, "y", made).await.unwrap().kernel.id, id);
    assert!(kernels.manager.get(&id).is_ok());
}

#[tokio::test]
async fn a_session_whose_kernel_cannot_start_is_not_made() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let unknown = NewSession {
        kernel: start(Some("none")),
        ..new()
    };
    assert!(matches!(
        open(&sessions, "x", unknown).await,
        Err(SessionsError::Start(_))
    ));
    assert!(sessions.list().is_empty());
}

#[tokio::test]
async fn a_change_of_kernel_ends_the_old_one_and_keeps_the_rest() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let before = opened(&sessions, "x").await;

    let moved = Changes {
        path: Some("y".to_owned()),
        name: Some(None),
        ..Changes::default()
    };
    let moved = sessions.update(&before.id, moved).await.unwrap();
    assert_eq!(
        (moved.path.as_str(), moved.name, moved.kind.as_str()),
        ("y", None, "notebook")
    );
    assert_eq!(moved.kernel.id, before.kernel.id);

    let change = |from: &KernelId, to| Changes {
        kernel: Some(KernelChange {
            from: from.clone(),
            to,
        }),
        ..Changes::default()
    };
    let other = change(&before.kernel.id, start(Some("fake")));
    let other = sessions.update(&before.id, other).await.unwrap();
    assert_ne!(other.kernel.id, before.kernel.id);
    assert!(kernels.manager.get(&before.kernel.id).is_err());

    let running = kernels.start().await.unwrap();
    let use_running = change(&other.kernel.id, KernelChoice::Running(running.id().clone()));
    assert_eq!(
        sessions.update(&before.id, use_running).await.unwrap().kernel.id,
        *running.id()
    );
    assert!(kernels.manager.get(&other.kernel.id).is_err());
}

#[tokio::test]
async fn a_change_that_fails_changes_nothing() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let before = opened(&sessions, "x").await;
    for kernel in [
        start(Some("none")),
        KernelChoice::Running("a-b-c-d-e".parse().unwrap()),
    ] {
        let changes = Changes {
            path: Some("y".to_owned()),
            kernel: Some(KernelChange {
                from: before.kernel.id.clone(),
                to: kernel,
            }),
            ..Changes::default()
        };
        assert!(sessions.update(&before.id, changes).await.is_err());
    }
    let after = sessions.get(&before.id).unwrap();
    assert_eq!((after.path.as_str(), &after.kernel.id), ("x", &before.kernel.id));
}

#[tokio::test]
async fn a_session_and_its_kernel_end_together() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let session = opened(&sessions, "x").await;
    sessions.delete(&session.id, &session.kernel.id).await.unwrap();
    assert!(kernels.manager.list().is_empty());
    assert!(matches!(
        sessions.delete(&session.id, &session.kernel.id).await,
        Err(SessionsError::NoSuchSession { .. })
    ));

    // Shut down elsewhere: the session is gone too, and its path is free again.
    let session = opened(&sessions, "x").await;
    kernels
        .manager
        .get(&session.kernel.id)
        .unwrap()
        .shutdown()
        .await
        .unwrap();
    assert!(sessions.list().is_empty());
    assert!(sessions.get(&session.id).is_err());
    let again = opened(&sessions, "x").await;
    assert_eq!(sessions.forget_ended().await, [session.id]);
    assert_eq!(sessions.forget_ended().await, []);
    assert_eq!(sessions.get(&again.id).unwrap().path, "x");
}

#[tokio::test]
async fn only_the_kernel_that_was_meant_is_ended() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let session = opened(&sessions, "x").await;
    let meant = kernels.start().await.unwrap();
    let change = |to| Changes {
        path: Some("y".to_owned()),
        kernel: Some(KernelChange {
            from: meant.id().clone(),
            to,
        }),
        ..Changes::default()
    };
    for to in [start(None), KernelChoice::Running(meant.id().clone())] {
        let changed = sessions.update(&session.id, change(to)).await;
        assert!(matches!(changed, Err(SessionsError::KernelChanged { .. })));
    }
    let deleted = sessions.delete(&session.id, meant.id()).await;
    assert!(matches!(deleted, Err(SessionsError::KernelChanged { .. })));
    let after = sessions.get(&session.id).unwrap();
    assert_eq!((after.path.as_str(), &after.kernel.id), ("x", &session.kernel.id));
    assert_eq!(kernels.manager.list().len(), 2);
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_refused_and_leaves_no_kernel() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let session = opened(&sessions, "x").await;
    let change = || Changes {
        kernel: Some(KernelChange {
            from: session.kernel.id.clone(),
            to: start(None),
        }),
        ..Changes::default()
    };
    let (one, two) = tokio::join!(
        sessions.update(&session.id, change()),
        sessions.update(&session.id, change()),
    );
    assert!(one.is_ok() != two.is_ok());
    let kernel = sessions.get(&session.id).unwrap().kernel.id;
    let running = kernels.manager.list();
    assert_eq!(
        running.iter().map(kernels::Kernel::id).collect::<Vec<_>>(),
        [&kernel]
    );
}

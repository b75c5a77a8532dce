//! Sessions on fake kernels.
#![allow(clippy::unwrap_used, reason = "tests")]

use fake_kernel::FakeKernels;
use serde_json::json;
use sessions::{Changes, KernelChange, NewSession, Opened, SessionManager, SessionModel, SessionsError};

fn new(path: &str) -> NewSession {
    NewSession {
        path: path.to_owned(),
        name: Some("x.ipynb".to_owned()),
        kind: "notebook".to_owned(),
        kernel_name: None,
        kernel_id: None,
    }
}

async fn opened(sessions: &SessionManager, path: &str) -> SessionModel {
    match sessions.open(new(path)).await.unwrap() {
        Opened::WithNewKernel(model) => model,
        other => panic!("{other:?}"),
    }
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
        ..new("console-1")
    };
    let Opened::WithNewKernel(console) = sessions.open(console).await.unwrap() else {
        panic!()
    };
    let console = serde_json::to_value(console).unwrap();
    assert_eq!((&console["name"], console.get("notebook")), (&json!(null), None));
    assert_eq!(sessions.list().len(), 2);
}

#[tokio::test]
async fn a_document_has_one_session_even_when_opened_twice_at_once() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let (one, two) = tokio::join!(sessions.open(new("x")), sessions.open(new("x")));
    let opened = [one.unwrap(), two.unwrap()];
    let existing = opened
        .iter()
        .filter(|opened| matches!(opened, Opened::Existing(_)))
        .count();
    assert_eq!(
        (existing, sessions.list().len(), kernels.manager.list().len()),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_session_uses_the_kernel_it_is_told_to_or_makes_it() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let running = kernels.start().await.unwrap();
    let on_running = NewSession {
        kernel_id: Some(running.id().clone()),
        ..new("x")
    };
    assert!(matches!(
        sessions.open(on_running).await,
        Ok(Opened::OnRunningKernel(_))
    ));

    let id: kernels::KernelId = "a-b-c-d-e".parse().unwrap();
    let made = NewSession {
        kernel_id: Some(id.clone()),
        ..new("y")
    };
    assert!(matches!(sessions.open(made).await, Ok(Opened::WithNewKernel(_))));
    assert!(kernels.manager.get(&id).is_ok());
}

#[tokio::test]
async fn a_session_whose_kernel_cannot_start_is_not_made() {
    let kernels = FakeKernels::new().unwrap();
    let sessions = SessionManager::new(kernels.manager.clone());
    let unknown = NewSession {
        kernel_name: Some("none".to_owned()),
        ..new("x")
    };
    assert!(matches!(
        sessions.open(unknown).await,
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

    let start = Changes {
        kernel: Some(KernelChange::Start("fake".to_owned())),
        ..Changes::default()
    };
    let other = sessions.update(&before.id, start).await.unwrap();
    assert_ne!(other.kernel.id, before.kernel.id);
    assert!(kernels.manager.get(&before.kernel.id).is_err());

    let running = kernels.start().await.unwrap();
    let use_running = Changes {
        kernel: Some(KernelChange::Running(running.id().clone())),
        ..Changes::default()
    };
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
        KernelChange::Start("none".to_owned()),
        KernelChange::Running("a-b-c-d-e".parse().unwrap()),
    ] {
        let changes = Changes {
            path: Some("y".to_owned()),
            kernel: Some(kernel),
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
    sessions.delete(&session.id).await.unwrap();
    assert!(kernels.manager.list().is_empty());
    assert!(matches!(
        sessions.delete(&session.id).await,
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
    opened(&sessions, "x").await;
}

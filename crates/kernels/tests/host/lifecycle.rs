//! From start to end, by request and by accident.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use kernels::{Ended, ExecutionState, KernelError, KernelId, Phase, StartKernel};
use serde_json::{Value, json};

use crate::support::{Client, Fixture, eventually, fake, install, named};

#[tokio::test]
async fn a_kernel_is_started_listed_and_shut_down_without_a_trace() {
    let fixture = Fixture::new();
    let first = fixture.start().await;
    let second = fixture.start().await;
    let ids = |fixture: &Fixture| {
        fixture
            .manager
            .list()
            .iter()
            .map(|kernel| kernel.id().clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&fixture), [first.id().clone(), second.id().clone()]);
    let connection_file = fixture.connection_file(&first);
    let mode = std::fs::metadata(&connection_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut client = Client::attach(&first, "client");
    let mut endings = fixture.manager.endings();
    first.shutdown().await.unwrap();
    assert!(!connection_file.exists());
    assert_eq!(ids(&fixture), [second.id().clone()]);
    assert!(matches!(
        fixture.manager.get(first.id()),
        Err(KernelError::NoSuchKernel { .. })
    ));
    assert!(matches!(
        first.shutdown().await,
        Err(KernelError::NoSuchKernel { .. })
    ));
    assert!(matches!(
        first.ready().await,
        Err(KernelError::NoSuchKernel { .. })
    ));
    assert_eq!(endings.recv().await.unwrap().id, *first.id());
    assert_eq!(first.ended().await, Ended::ShutDown);
    // What it said before it ended is still there, then the end.
    client.until("shutdown_reply", "").await;
    while let Some(_rest) = client.attachment.next().await.unwrap() {}
    fixture.manager.shutdown_all().await;
    assert!(fixture.manager.list().is_empty());
    assert!(fixture.manager.start(fake()).await.is_err());
}

#[tokio::test]
async fn an_id_is_taken_from_when_its_kernel_is_launched_until_it_has_ended() {
    let fixture = Fixture::new();
    let id: KernelId = "a-b-c-d-e".parse().unwrap();
    let start = StartKernel {
        id: Some(id.clone()),
        ..fake()
    };
    assert!(!fixture.manager.is_taken(&id));
    let mut starting = Box::pin(fixture.manager.start(start));
    while !fixture.manager.is_taken(&id) {
        assert!(futures::poll!(&mut starting).is_pending());
        tokio::task::yield_now().await;
    }
    let kernel = starting.await.unwrap();
    let mut endings = fixture.manager.endings();
    kernel.shutdown().await.unwrap();
    assert_eq!(endings.recv().await.unwrap().id, id);
    assert!(!fixture.manager.is_taken(&id));
}

#[tokio::test]
async fn a_restarted_kernel_keeps_its_id_and_its_connection_file() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let read = || {
        serde_json::from_slice::<Value>(&std::fs::read(fixture.connection_file(&kernel)).unwrap()).unwrap()
    };
    let before = read();
    let session = kernel.last_session();
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "sleep 60000 until interrupted").await;
    client.until("execute_input", "1").await;
    kernel.restart().await.unwrap();
    kernel.ready().await.unwrap();
    assert_eq!(client.until("shutdown_reply", "").await["restart"], true);
    assert_eq!(read(), before);
    assert_ne!(kernel.last_session(), session);
    assert_eq!(kernel.status().borrow().restarts, 1);
    client.execute("2", "print back").await;
    assert_eq!(client.output("2").await, "back\n");
    assert_eq!(fixture.manager.list().len(), 1);
}

#[tokio::test]
async fn a_kernel_that_dies_is_started_again_and_clients_are_told() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let session = kernel.last_session().unwrap();
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "exit 3").await;
    loop {
        let delivery = client.next().await;
        let content: Value = serde_json::from_slice(&delivery.message().content).unwrap();
        if content["execution_state"] == "restarting" {
            let message = delivery.message();
            let header = message.header().unwrap();
            assert_eq!((&*header.msg_type, &*header.session), ("status", &*session));
            assert_eq!(delivery.message().parent().unwrap(), None);
            break;
        }
    }
    kernel.ready().await.unwrap();
    client.execute("2", "print alive").await;
    assert_eq!(client.output("2").await, "alive\n");
}

#[tokio::test]
async fn a_kernel_that_dies_too_often_stays_dead_and_says_why() {
    let fixture = Fixture::with(|config| config.restart_limit = 1);
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "exit 3").await;
    eventually("restarted", || kernel.status().borrow().restarts == 1).await;
    kernel.ready().await.unwrap();
    client.execute("2", "exit 4").await;
    let mut last_status = Value::Null;
    let mut explained = false;
    while let Some(delivery) = client.attachment.next().await.unwrap() {
        let content: Value = serde_json::from_slice(&delivery.message().content).unwrap();
        match &*delivery.message().header().unwrap().msg_type {
            "status" => last_status = content["execution_state"].clone(),
            "stream" => explained |= content["text"].as_str().unwrap().contains("exited with code 4"),
            _ => {}
        }
    }
    assert_eq!((last_status, explained), (json!("dead"), true));
    let ended = kernel.ended().await;
    assert!(matches!(ended, Ended::Died { ref stderr, .. } if &**stderr == "a fake kernel's last words"));
    assert_eq!(kernel.model().execution_state, ExecutionState::Dead);
    assert_eq!(kernel.model().reason.as_deref(), Some("exited with code 4"));
    let error = kernel.ready().await.unwrap_err().to_string();
    assert!(error.contains("a fake kernel's last words"), "{error}");
    eventually("removed", || fixture.manager.get(kernel.id()).is_err()).await;
    assert!(!fixture.connection_file(&kernel).exists());
}

#[tokio::test]
async fn a_kernel_that_dies_again_is_started_later_unless_somebody_wants_something() {
    let fixture = Fixture::with(|config| config.restart_wait_max = Duration::from_secs(3_600));
    let kernel = fixture.start().await;
    let client = Client::attach(&kernel, "client");
    client.execute("1", "exit 3").await;
    // The first time at once, though the longest wait is an hour.
    eventually("restarted", || kernel.status().borrow().restarts == 1).await;
    kernel.ready().await.unwrap();
    client.execute("2", "exit 4").await;
    let is_waiting = || kernel.model().execution_state == ExecutionState::Restarting;
    eventually("restarting", is_waiting).await;
    assert_eq!(kernel.status().borrow().restarts, 1);
    kernel.shutdown().await.unwrap();
    assert_eq!(kernel.ended().await, Ended::ShutDown);
}

#[tokio::test]
async fn an_id_can_be_chosen_and_is_taken_once() {
    let fixture = Fixture::new();
    let id: KernelId = "my-own-kernel-id-1".parse().unwrap();
    let start = || StartKernel {
        id: Some(id.clone()),
        ..fake()
    };
    let (first, second) = tokio::join!(fixture.manager.start(start()), fixture.manager.start(start()));
    let errors: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
    assert!(
        matches!(errors.as_slice(), [KernelError::DuplicateKernel { .. }]),
        "{errors:?}"
    );
    fixture.manager.get(&id).unwrap().shutdown().await.unwrap();
    fixture.manager.start(start()).await.unwrap();
}

#[tokio::test]
async fn an_unknown_kernelspec_starts_nothing() {
    let fixture = Fixture::new();
    let error = fixture.manager.start(named("none")).await.unwrap_err();
    assert!(matches!(error, KernelError::NoSuchKernelspec { .. }));
    let error = fixture.manager.start(StartKernel::default()).await.unwrap_err();
    assert!(error.to_string().contains("'python3'"), "{error}");
    assert!(fixture.manager.list().is_empty());
    assert!(fixture.launches.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_so_many_kernels_run() {
    let fixture = Fixture::with(|config| config.limits.kernels_max = 1);
    let kernel = fixture.start().await;
    let error = fixture.manager.start(fake()).await.unwrap_err();
    assert!(matches!(error, KernelError::TooManyKernels { kernels_max: 1 }));
    kernel.shutdown().await.unwrap();
    fixture.start().await;
}

#[tokio::test]
async fn a_kernel_that_wants_it_is_interrupted_by_message() {
    let fixture = Fixture::new();
    install(
        &fixture.dir,
        "polite",
        &json!({"argv": ["fake"], "interrupt_mode": "message"}),
    );
    let kernel = fixture.manager.start(named("polite")).await.unwrap();
    kernel.ready().await.unwrap();
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "sleep 60000 until interrupted").await;
    client.until("execute_input", "1").await;
    kernel.interrupt().await.unwrap();
    assert_eq!(
        client.until("execute_reply", "1").await["ename"],
        "KeyboardInterrupt"
    );
}

#[tokio::test]
async fn a_kernel_talks_over_unix_sockets_too() {
    let sockets = tempfile::tempdir().unwrap();
    let dir = sockets.path().to_owned();
    let fixture = Fixture::with(|config| config.transport = kernels::Transport::Ipc { dir });
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "print ipc").await;
    assert_eq!(client.output("1").await, "ipc\n");
    kernel.shutdown().await.unwrap();
    assert_eq!(std::fs::read_dir(sockets.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_kernel_starts_where_its_document_is_with_what_the_caller_adds() {
    let fixture = Fixture::with(|config| config.environment = vec![("A".into(), "given".into())]);
    std::fs::create_dir(fixture.dir.path().join("root/sub")).unwrap();
    let start = StartKernel {
        path: Some("sub/missing/x.ipynb".to_owned()),
        env: vec![("JPY_SESSION_NAME".to_owned(), "sub/x.ipynb".to_owned())],
        ..fake()
    };
    let kernel = fixture.manager.start(start).await.unwrap();
    let launch = fixture.launches.last();
    assert_eq!(launch.directory, fixture.dir.path().join("root/sub"));
    assert_eq!(kernel.directory(), launch.directory);
    let has = |name: &str, value: &str| launch.environment.contains(&(name.into(), value.into()));
    assert!(has("A", "given") && has("JPY_SESSION_NAME", "sub/x.ipynb"));
    assert_eq!(launch.connection.jupyter_session.as_deref(), Some("sub/x.ipynb"));
}

#[tokio::test]
async fn twenty_kernels_started_at_once_all_answer() {
    let fixture = Fixture::new();
    let starts = (0..20).map(|_| fixture.start());
    let kernels = futures::future::join_all(starts).await;
    assert!(
        kernels
            .iter()
            .all(|kernel| kernel.status().borrow().phase == Phase::Ready)
    );
    fixture.manager.shutdown_all().await;
}

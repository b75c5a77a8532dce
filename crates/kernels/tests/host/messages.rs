//! What is said reaches whom it is for.

use serde_json::json;
use wire::{Channel, Message};

use crate::support::{Client, Fixture, install, named};
use kernels::{Audience, ClientId, ExecutionState, KernelError};

#[tokio::test]
async fn output_is_for_everyone_and_a_reply_for_the_asker() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let (mut asker, mut other) = (Client::attach(&kernel, "asker"), Client::attach(&kernel, "other"));
    asker.execute("1", "print hello").await;
    assert_eq!(asker.until("execute_reply", "1").await["status"], "ok");
    assert_eq!(other.output("1").await, "hello\n");
    other.execute("2", "print again").await;
    // Between the two, the other has seen everything there was: no reply to "1" among it.
    loop {
        let delivery = other.next().await;
        let parent = delivery.message().parent().unwrap().unwrap().msg_id.into_owned();
        let msg_type = delivery.message().header().unwrap().msg_type.into_owned();
        assert_ne!((parent.as_str(), msg_type.as_str()), ("1", "execute_reply"));
        if (parent.as_str(), msg_type.as_str()) == ("2", "execute_reply") {
            assert_eq!(delivery.audience, Audience::Only(ClientId::new("other")));
            break;
        }
    }
}

/// Kernels open their sockets in any order, and hear of a subscription when they get to it.
#[tokio::test]
async fn what_is_asked_before_output_is_heard_loses_none_of_it() {
    let fixture = Fixture::new();
    let spec = json!({"argv": ["fake", "--slow-subscriptions"], "language": "fake"});
    install(&fixture.dir, "slow", &spec);
    let kernel = fixture.manager.start(named("slow")).await.unwrap();
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "print first").await;
    assert_eq!(client.output("1").await, "first\n");
    client.execute("2", "exit 3").await;
    loop {
        if client.until("status", "").await["execution_state"] == "restarting" {
            break;
        }
    }
    client.execute("3", "print back").await;
    assert_eq!(client.output("3").await, "back\n");
}

#[tokio::test]
async fn an_input_request_goes_to_the_asker_and_is_answered() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "input name?").await;
    assert_eq!(client.until("input_request", "1").await["prompt"], "name?");
    client
        .send(Channel::Stdin, "input_reply", "2", &json!({"value": "Ada"}))
        .await;
    assert_eq!(client.output("1").await.trim(), "Ada");
}

#[tokio::test]
async fn the_model_follows_what_the_kernel_does() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    let before = kernel.model();
    assert_eq!(
        (before.execution_state, before.connections),
        (ExecutionState::Idle, 1)
    );
    client.execute("1", "sleep 60000 until interrupted").await;
    client.until("execute_input", "1").await;
    assert_eq!(kernel.model().execution_state, ExecutionState::Busy);
    // Answered while the cell runs; the state stays the cell's.
    client
        .send(
            Channel::Control,
            "debug_request",
            "2",
            &json!({"seq": 1, "command": "debugInfo"}),
        )
        .await;
    client.until("debug_reply", "2").await;
    assert_eq!(kernel.model().execution_state, ExecutionState::Busy);
    kernel.interrupt().await.unwrap();
    assert_eq!(client.until("execute_reply", "1").await["status"], "error");
    client.execute("3", "print done").await;
    client.output("3").await;
    let after = kernel.model();
    assert_eq!(after.execution_state, ExecutionState::Idle);
    assert!(after.last_activity > before.last_activity);
    drop(client);
    assert_eq!(kernel.model().connections, 0);
}

#[tokio::test]
async fn large_buffers_come_through_unchanged() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "buffers 3 5000000").await;
    loop {
        let delivery = client.next().await;
        if delivery.message().header().unwrap().msg_type == "comm_msg" {
            let buffers = &delivery.message().buffers;
            let sizes: Vec<usize> = buffers.iter().map(bytes::Bytes::len).collect();
            assert_eq!(sizes, [5_000_000; 3]);
            assert!(
                buffers
                    .iter()
                    .all(|buffer| buffer.iter().all(|byte| *byte == buffer[0]))
            );
            assert_eq!(*delivery.v1(), wire::encode_v1(&delivery.message()));
            break;
        }
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let client = Client::attach(&kernel, "client");
    let message = |channel, header: &'static str| Message {
        channel,
        header: header.into(),
        parent_header: "{}".into(),
        metadata: "{}".into(),
        content: "{}".into(),
        buffers: vec![],
    };
    let send = async |message| {
        kernel
            .send(client.attachment.client().clone(), message)
            .await
            .unwrap_err()
    };
    assert!(matches!(
        send(message(Channel::Shell, "nonsense")).await,
        KernelError::Message { .. }
    ));
    let good = r#"{"msg_id":"1","msg_type":"status"}"#;
    assert!(matches!(
        send(message(Channel::Iopub, good)).await,
        KernelError::IopubIsForListening
    ));
}

#[tokio::test]
async fn the_kernels_own_session_is_known() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "print x").await;
    let delivery = client.next().await;
    let session = delivery.message().header().unwrap().session.into_owned();
    assert_eq!(kernel.last_session().as_deref(), Some(session.as_str()));
}

#[tokio::test]
async fn what_the_server_asks_by_itself_is_not_shown() {
    let fixture = Fixture::new();
    let kernel = fixture.manager.start(crate::support::fake()).await.unwrap();
    // Attached before it is ready: the server's own questions are asked while this listens.
    let mut client = Client::attach(&kernel, "client");
    kernel.ready().await.unwrap();
    client.execute("1", "print x").await;
    loop {
        let delivery = client.next().await;
        let message = delivery.message();
        let header = message.header().unwrap();
        assert_ne!(header.msg_type, "kernel_info_reply");
        if let Some(parent) = delivery.message().parent().unwrap() {
            assert_eq!(parent.msg_id, "1");
            break;
        }
    }
}

#[tokio::test]
async fn nobody_asks_under_the_id_of_anothers_request() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let (mut asker, mut other) = (Client::attach(&kernel, "asker"), Client::attach(&kernel, "other"));
    asker.execute("1", "input name?").await;
    // All hear the id of a request.
    other.until("execute_input", "1").await;
    other
        .send(Channel::Control, "kernel_info_request", "1", &json!({}))
        .await;
    // Sent after it on the same channel, and answered.
    other
        .send(Channel::Control, "kernel_info_request", "2", &json!({}))
        .await;
    other.until("kernel_info_reply", "2").await;
    loop {
        let delivery = asker.next().await;
        let msg_type = delivery.message().header().unwrap().msg_type.into_owned();
        assert_ne!(msg_type, "kernel_info_reply");
        match &*msg_type {
            // It may ask only now: control is answered beside it.
            "input_request" => {
                let reply = json!({"value": "Ada"});
                asker.send(Channel::Stdin, "input_reply", "3", &reply).await;
            }
            "execute_reply" => break,
            _ => {}
        }
    }
}

#[tokio::test]
async fn queued_messages_are_bounded_by_bytes_and_a_larger_one_passes_alone() {
    let fixture = Fixture::with(|config| config.limits.queued_bytes_max = 1_000);
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    let code = format!("print {}", "x".repeat(5_000));
    for request in ["1", "2", "3"] {
        client.execute(request, &code).await;
    }
    for request in ["1", "2", "3"] {
        assert_eq!(client.output(request).await.trim().len(), 5_000);
    }
}

#[tokio::test]
async fn a_cell_gets_its_reply_however_much_is_said_meanwhile_that_is_never_answered() {
    let fixture = Fixture::with(|config| config.limits.outstanding_requests_max = 10);
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "sleep 60000 until interrupted").await;
    client.until("execute_input", "1").await;
    for number in 0..50 {
        let content = json!({"comm_id": "c", "data": {}});
        let msg_id = format!("comm {number}");
        client.send(Channel::Control, "comm_msg", &msg_id, &content).await;
        client.until("comm_msg", &msg_id).await;
    }
    kernel.interrupt().await.unwrap();
    assert_eq!(client.until("execute_reply", "1").await["status"], "error");
}

#[tokio::test]
async fn more_requests_than_may_wait_are_all_answered() {
    let fixture = Fixture::with(|config| config.limits.outstanding_requests_max = 10);
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("running", "sleep 60000 until interrupted").await;
    client.until("execute_input", "running").await;
    for number in 0..50 {
        client.execute(&number.to_string(), "print x").await;
    }
    // Control is another queue, which is not full.
    client
        .send(Channel::Control, "kernel_info_request", "info", &json!({}))
        .await;
    client.until("kernel_info_reply", "info").await;
    kernel.interrupt().await.unwrap();
    client.until("execute_reply", "running").await;
    for number in 0..50 {
        let reply = client.until("execute_reply", &number.to_string()).await;
        assert_eq!(reply["status"], "ok");
    }
}

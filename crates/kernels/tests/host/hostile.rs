//! Kernels that break the protocol while their process lives.

use fake_kernel::MAY_TURN_HOSTILE;
use kernels::{Ended, Kernel};
use serde_json::{Value, json};
use wire::Channel;

use crate::support::{Client, Fixture, eventually, install, named};

async fn start(fixture: &Fixture) -> Kernel {
    install(
        &fixture.dir,
        "hostile",
        &json!({"argv": ["fake", MAY_TURN_HOSTILE], "language": "fake"}),
    );
    let kernel = fixture.manager.start(named("hostile")).await.unwrap();
    kernel.ready().await.unwrap();
    kernel
}

/// Runs a cell that begins, does this, and never ends by itself.
async fn run(client: &mut Client, request: &str, code: &str) {
    let code = format!("print before\ninput go on?\n{code}\nsleep 600000");
    client.execute(request, &code).await;
    let (mut is_heard, mut is_asked) = (false, false);
    while !(is_heard && is_asked) {
        let delivery = client.next().await;
        let message = delivery.message();
        let header = message.header().unwrap();
        is_heard |= header.msg_type == "stream";
        is_asked |= header.msg_type == "input_request";
    }
    client
        .send(Channel::Stdin, "input_reply", "go on", &json!({"value": ""}))
        .await;
}

/// Runs a cell, and gives what stands in it on standard error until the kernel restarts.
async fn told_in_its_cell(kernel: &Kernel, client: &mut Client, code: &str) -> String {
    run(client, "1", code).await;
    let mut told = String::new();
    loop {
        let delivery = client.next().await;
        let content: Value = serde_json::from_slice(&delivery.message().content).unwrap();
        if content["name"] == "stderr" {
            assert_eq!(delivery.message().parent().unwrap().unwrap().msg_id, "1");
            told.push_str(content["text"].as_str().unwrap());
        }
        if content["execution_state"] == "restarting" {
            break;
        }
    }
    eventually("restarted", || kernel.status().borrow().restarts == 1).await;
    told
}

#[tokio::test]
async fn a_kernel_that_breaks_the_protocol_is_ended_and_started_again_and_its_cell_says_why() {
    for (code, expected) in [
        (
            "hostile lengths",
            "The kernel was ended, and is started again: a message from the kernel exceeds the limit of 1073741824 bytes.\n",
        ),
        (
            "hostile bytes",
            "The kernel was ended, and is started again: what listens there does not speak ZMTP 3: it sends what are no frames.\n",
        ),
        (
            "unsigned 100",
            "The kernel was ended, and is started again: 100 messages in a row could not be read: the signature does not match.\n",
        ),
    ] {
        let fixture = Fixture::new();
        let kernel = start(&fixture).await;
        let mut client = Client::attach(&kernel, "client");
        assert_eq!(told_in_its_cell(&kernel, &mut client, code).await, expected);
        kernel.ready().await.unwrap();
        client.execute("2", "print alive").await;
        assert_eq!(client.output("2").await, "alive\n");
    }
}

#[tokio::test]
async fn a_few_messages_with_bad_signatures_are_only_left_out() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client
        .execute("1", "unsigned 99\nprint a\nunsigned 99\nprint b")
        .await;
    assert_eq!(client.output("1").await, "a\nb\n");
    assert_eq!(kernel.status().borrow().restarts, 0);
}

#[tokio::test]
async fn a_kernel_that_is_hostile_again_and_again_stays_dead() {
    let fixture = Fixture::with(|config| config.restart_limit = 1);
    let kernel = start(&fixture).await;
    let mut client = Client::attach(&kernel, "client");
    told_in_its_cell(&kernel, &mut client, "hostile bytes").await;
    kernel.ready().await.unwrap();
    run(&mut client, "2", "hostile lengths").await;
    let Ended::Died { reason, .. } = kernel.ended().await else {
        panic!("it was shut down");
    };
    assert_eq!(
        &*reason,
        "it was ended: a message from the kernel exceeds the limit of 1073741824 bytes"
    );
    let mut told = String::new();
    while let Some(delivery) = client.attachment.next().await.unwrap() {
        let message = delivery.message();
        let parent = message.parent().unwrap();
        if parent.is_some_and(|parent| parent.msg_id == "2") {
            told.push_str(&String::from_utf8_lossy(&delivery.message().content));
        }
    }
    assert!(told.contains("The kernel died (it was ended:"), "{told}");
}

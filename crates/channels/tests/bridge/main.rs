//! The bridge between clients and fake kernels, without a network.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod client;
mod coming_back;
mod widgets;

use std::time::Duration;

use channels::{Closed, Limits, Outgoing};
use client::{Answer, Client, Connect, Rules, TIMEOUT, noise, shown, text};
use fake_kernel::FakeKernels;
use futures::StreamExt;
use kernels::{Kernel, KernelLimits};
use serde_json::json;
use tokio::time::timeout;
use wire::{Channel, Subprotocol};

fn types(answers: &[Answer]) -> Vec<&str> {
    answers.iter().map(|answer| answer.msg_type.as_str()).collect()
}

#[tokio::test]
async fn a_cell_runs_in_both_subprotocols() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    for (client, subprotocol) in [("v1", Subprotocol::V1), ("legacy", Subprotocol::Legacy)] {
        let mut client = Client::connect_as(
            &kernel,
            Connect {
                client,
                subprotocol,
                ..Connect::default()
            },
        );
        let answers = client.run("print hello").await;
        assert_eq!(text(&answers), "hello\n");
        let mut types = types(&answers);
        types.retain(|msg_type| *msg_type != "execute_reply");
        assert_eq!(types, ["status", "execute_input", "stream", "status"]);
    }
}

#[tokio::test]
async fn a_new_client_is_told_what_the_kernel_does() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let first = Answer::of(&Client::connect(&kernel).hear().await);
    assert_eq!((first.msg_type.as_str(), first.parent.as_str()), ("status", ""));
    assert_eq!(first.content, json!({"execution_state": "idle"}));
    assert_eq!(Some(first.session.as_str()), kernel.last_session().as_deref());
}

#[tokio::test]
async fn output_is_for_all_and_replies_only_for_the_asker() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut asker = Client::connect(&kernel);
    let mut other = Client::connect_as(
        &kernel,
        Connect {
            client: "b",
            ..Connect::default()
        },
    );
    let answers = asker.run("print hello").await;
    assert!(answers.iter().any(|answer| answer.channel == Channel::Shell));
    // The other client's own request comes after, so all of the first one's is before.
    let own = other.execute("print bye").await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|answer: &Answer| answer.parent != own) {
        heard.push(Answer::of(&other.hear().await));
    }
    heard.retain(|answer| answer.parent != own);
    assert_eq!(text(&heard), "hello\n");
    assert!(
        heard.iter().all(|answer| answer.channel == Channel::Iopub),
        "{heard:?}"
    );
}

#[tokio::test]
async fn input_is_asked_and_answered() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    let cell = client.execute("input name?").await;
    let question = loop {
        let answer = Answer::of(&client.hear().await);
        if answer.channel == Channel::Stdin {
            break answer;
        }
    };
    assert_eq!(
        (question.msg_type.as_str(), question.parent),
        ("input_request", cell.clone())
    );
    client
        .request(Channel::Stdin, "input_reply", &json!({"value": "Ada"}))
        .await;
    assert_eq!(text(&client.hear_answers(&cell).await), "Ada\n");
}

/// A kernel that takes few messages before they are answered.
async fn reluctant_kernel() -> (FakeKernels, Kernel) {
    let limits = KernelLimits {
        outstanding_requests_max: 2,
        queued_messages_max: 1,
        ..KernelLimits::default()
    };
    let kernels = FakeKernels::with(|config| config.limits = limits).unwrap();
    let kernel = kernels.start().await.unwrap();
    (kernels, kernel)
}

#[tokio::test]
async fn cells_that_wait_hold_up_neither_answers_nor_interrupts_nor_pongs() {
    let (_kernels, kernel) = reluctant_kernel().await;
    let mut client = Client::connect(&kernel);
    let asking = client.execute("input go?\nsleep 60000 until interrupted").await;
    while Answer::of(&client.hear().await).msg_type != "input_request" {}
    let mut last = String::new();
    for _ in 0..20 {
        last = client.execute("print waited").await;
    }
    client
        .request(Channel::Stdin, "input_reply", &json!({"value": "yes"}))
        .await;
    while Answer::of(&client.hear().await).msg_type != "stream" {}
    client.confirm_once(Channel::Control).await;
    client
        .request(Channel::Control, "interrupt_request", &json!({}))
        .await;
    let answers = client.hear_answers(&asking).await;
    assert!(
        answers
            .iter()
            .any(|answer| answer.content["ename"] == "KeyboardInterrupt")
    );
    assert_eq!(text(&client.hear_answers(&last).await), "waited\n");
}

#[tokio::test]
async fn of_more_cells_than_may_wait_none_is_lost() {
    let (_kernels, kernel) = reluctant_kernel().await;
    let limits = Limits {
        waiting_messages_max: 2,
        waiting_bytes_max: 500,
        ..Limits::default()
    };
    let connect = Connect {
        limits,
        ..Connect::default()
    };
    let mut client = Client::connect_as(&kernel, connect);
    client.execute("sleep 60000 until interrupted").await;
    while Answer::of(&client.hear().await).msg_type != "execute_input" {}
    let mut cells = Vec::new();
    for number in 0..20 {
        // Also larger than all the room.
        let code = format!("print {number}{}", " ".repeat(number * 50));
        cells.push(client.execute(&code).await);
    }
    kernel.interrupt().await.unwrap();
    let mut heard = Vec::new();
    let is_last = |answer: &Answer| answer.parent == cells[19] && answer.content["execution_state"] == "idle";
    while !heard.last().is_some_and(is_last) {
        heard.push(Answer::of(&client.hear().await));
    }
    heard.retain(|answer| cells.contains(&answer.parent));
    let numbers: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(text(&heard).split_whitespace().collect::<Vec<_>>(), numbers);
}

#[tokio::test]
async fn what_a_client_sent_last_runs_though_it_is_gone_at_once() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut other = Client::connect_as(
        &kernel,
        Connect {
            client: "other",
            ..Connect::default()
        },
    );
    let mut client = Client::connect(&kernel);
    let cell = client.execute("print last").await;
    client.leave_after_all_is_read().await;
    let mut heard = Vec::new();
    while heard
        .last()
        .is_none_or(|answer: &Answer| answer.parent != cell || answer.msg_type != "stream")
    {
        heard.push(Answer::of(&other.hear().await));
    }
    assert_eq!(text(&heard), "last\n");
}

#[tokio::test]
async fn many_small_outputs_all_arrive_in_order() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    let answers = client.run("burst 20000 8").await;
    let numbers = text(&answers);
    let numbers = numbers
        .split_whitespace()
        .map(|number| number.parse::<u32>().unwrap());
    assert!(numbers.eq(0..20_000));
}

#[tokio::test]
async fn a_client_that_does_not_read_delays_nobody() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    // Connected, and never reads.
    let _stalled = Client::connect_as(
        &kernel,
        Connect {
            client: "stalled",
            ..Connect::default()
        },
    );
    let mut client = Client::connect(&kernel);
    let answers = client.run("burst 2000 100").await;
    assert_eq!(text(&answers).split_whitespace().count(), 2_000);
}

#[tokio::test]
async fn a_client_that_comes_back_goes_on_where_it_stopped() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    let cell = client.execute("print before\ninput go?\nprint while away").await;
    let mut answers = Vec::new();
    while answers
        .last()
        .is_none_or(|answer: &Answer| answer.channel != Channel::Stdin)
    {
        answers.push(Answer::of(&client.hear().await));
    }
    assert!(matches!(client.leave().await, Closed::ClientGone));

    // Only now the cell goes on, and ends while nobody who asked is there.
    let connect = Connect {
        client: "b",
        ..Connect::default()
    };
    let mut other = Client::connect_as(&kernel, connect);
    other
        .request(Channel::Stdin, "input_reply", &json!({"value": "go"}))
        .await;
    other.run("print later").await;

    let mut client = Client::connect(&kernel);
    answers.extend(client.hear_answers(&cell).await);
    assert_eq!(shown(&answers), "before\ngo\nwhile away\n");
}

#[tokio::test]
async fn a_second_connection_of_a_client_ends_the_first() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let first = Client::connect(&kernel);
    let mut second = Client::connect(&kernel);
    let closed = timeout(TIMEOUT, first.closed()).await.unwrap();
    assert!(matches!(closed, Closed::Superseded));
    assert_eq!(closed.code(), Some(1000));
    assert_eq!(text(&second.run("print here").await), "here\n");
}

#[tokio::test]
async fn a_viewer_watches_and_is_refused_to_the_end_of_the_cell() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let rules = Rules::default();
    rules.forbid_execution(true);
    let mut viewer = Client::connect_as(
        &kernel,
        Connect {
            client: "viewer",
            rules: rules.clone(),
            ..Connect::default()
        },
    );
    let mut owner = Client::connect(&kernel);

    let refused = viewer.run("print mine").await;
    assert_eq!(types(&refused), ["status", "error", "execute_reply", "status"]);
    assert_eq!(refused[1].content["evalue"], "you may only look");
    assert_eq!(refused[2].content["status"], "error");
    assert!(
        refused
            .iter()
            .all(|answer| Some(answer.session.as_str()) == kernel.last_session().as_deref())
    );

    // A question about the kernel is no execution.
    let asked = viewer
        .request(Channel::Shell, "kernel_info_request", &json!({}))
        .await;
    assert!(
        viewer
            .hear_answers(&asked)
            .await
            .iter()
            .any(|answer| answer.content["status"] == "ok")
    );

    // The owner never hears of the refusal; the viewer sees the owner's output.
    let cell = owner.execute("print yours").await;
    let mut heard = Vec::new();
    while heard
        .last()
        .is_none_or(|answer: &Answer| answer.msg_type != "stream")
    {
        heard.push(Answer::of(&viewer.hear().await));
    }
    assert_eq!(
        (heard.last().unwrap().parent.as_str(), text(&heard)),
        (cell.as_str(), "yours\n".to_owned())
    );
    let owners = owner.hear_answers(&cell).await;
    assert!(
        owners.iter().all(|answer| answer.msg_type != "error"),
        "{owners:?}"
    );

    rules.forbid_execution(false);
    assert_eq!(text(&viewer.run("print now").await), "now\n");
}

#[tokio::test]
async fn a_large_question_is_refused_to_who_may_not_execute() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let rules = Rules::default();
    let mut client = Client::connect_as(
        &kernel,
        Connect {
            rules: rules.clone(),
            ..Connect::default()
        },
    );
    let large = json!({"code": "x".repeat(Limits::default().viewer_query_bytes_max)});
    for forbidden in [false, true] {
        rules.forbid_execution(forbidden);
        let asked = client
            .request(Channel::Shell, "is_complete_request", &large)
            .await;
        let answers = client.hear_answers(&asked).await;
        let refused = answers.iter().any(|answer| answer.content["status"] == "error");
        assert_eq!(refused, forbidden, "{answers:?}");
    }
}

#[tokio::test]
async fn a_cell_with_an_id_that_is_too_long_is_refused() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    for (bytes, refused) in [(256, false), (257, true)] {
        let msg_id = "m".repeat(bytes);
        let content = json!({"code": "print hello"});
        client
            .ask(Channel::Shell, "execute_request", &msg_id, &content)
            .await;
        let answers = client.hear_answers(&msg_id).await;
        let said: Vec<_> = answers.iter().map(|answer| &answer.content["evalue"]).collect();
        let sentence = json!("the id of a message has at most 256 bytes");
        assert_eq!(said.contains(&&sentence), refused, "{answers:?}");
        assert_eq!(text(&answers) == "hello\n", !refused);
    }
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    client.send(noise()).await;
    let closed = timeout(TIMEOUT, client.closed()).await.unwrap();
    assert!(matches!(closed, Closed::BadFrame(_)));
    assert_eq!(closed.code(), Some(1007));
}

#[tokio::test]
async fn a_kernel_that_is_shut_down_ends_the_connection_after_its_last_words() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    client.run("print hello").await;
    kernel.shutdown().await.unwrap();
    let closed = timeout(TIMEOUT, client.closed()).await.unwrap();
    assert!(matches!(closed, Closed::KernelGone), "{closed:?}");
}

#[tokio::test]
async fn a_withdrawn_permission_ends_the_connection() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let client = Client::connect(&kernel);
    client.stop();
    let closed = timeout(TIMEOUT, client.closed()).await.unwrap();
    assert_eq!(closed.code(), Some(1008));
}

#[tokio::test]
async fn a_silent_connection_is_pinged_and_in_the_end_given_up() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let limits = Limits {
        ping_interval: Duration::from_millis(20),
        silence_max: Duration::from_millis(200),
        ..Limits::default()
    };
    let mut client = Client::connect_as(
        &kernel,
        Connect {
            limits,
            ..Connect::default()
        },
    );
    while !matches!(client.down.next().await, Some(Outgoing::Ping(_))) {}
    let closed = timeout(TIMEOUT, client.closed()).await.unwrap();
    assert!(matches!(closed, Closed::Unresponsive));
}

#[tokio::test]
async fn what_the_journal_could_not_keep_is_told_in_the_output() {
    let limits = KernelLimits {
        journal_memory_bytes_max: 20_000,
        journal_file_bytes_max: 20_000,
        ..KernelLimits::default()
    };
    let kernels = FakeKernels::with(|config| config.limits = limits).unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut late = Client::connect_as(
        &kernel,
        Connect {
            client: "late",
            ..Connect::default()
        },
    );
    let mut client = Client::connect(&kernel);
    let cell = client.execute("burst 2000 100").await;
    // The reply may overtake the output and be gone as well.
    while Answer::of(&client.hear().await).content["execution_state"] != "idle" {}
    // Only now it reads: the beginning is gone.
    let notice = loop {
        let answer = Answer::of(&late.hear().await);
        if answer.content["name"] == "stderr" {
            break answer;
        }
    };
    assert_eq!(notice.parent, cell);
    assert!(
        notice.content["text"]
            .as_str()
            .unwrap()
            .contains("missing here: the server could not keep"),
        "{notice:?}"
    );
}

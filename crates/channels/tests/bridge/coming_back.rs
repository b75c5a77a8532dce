//! What a client that comes back is sent again: each output is in its cell once.

use fake_kernel::FakeKernels;
use kernels::{Kernel, KernelLimits};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Connect, text};

/// The types of what answers `msg_id`, up to its `idle`.
async fn until_idle(client: &mut Client, msg_id: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    loop {
        let answer = Answer::of(&client.hear().await);
        if answer.parent == msg_id {
            let is_idle = answer.content["execution_state"] == "idle";
            answers.push(answer);
            if is_idle {
                return answers;
            }
        }
    }
}

fn outputs(answers: &[Answer]) -> Vec<(&str, &Value)> {
    let outputs = answers
        .iter()
        .filter(|answer| matches!(answer.msg_type.as_str(), "stream" | "clear_output"));
    outputs
        .map(|answer| {
            let part = if answer.msg_type == "stream" {
                "text"
            } else {
                "wait"
            };
            (answer.msg_type.as_str(), &answer.content[part])
        })
        .collect()
}

fn silent(kernel: &Kernel) -> Client {
    let mut client = Client::connect(kernel);
    client.answers_pings = false;
    client
}

#[tokio::test]
async fn outputs_that_may_have_arrived_come_again_after_their_cell_was_cleared() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = silent(&kernel);
    let cell = client.execute("print a\nprint b").await;
    until_idle(&mut client, &cell).await;
    client.leave().await;

    let answers = until_idle(&mut Client::connect(&kernel), &cell).await;
    assert_eq!(
        outputs(&answers),
        [
            ("clear_output", &json!(true)),
            ("stream", &json!("a\n")),
            ("stream", &json!("b\n"))
        ]
    );
}

#[tokio::test]
async fn what_is_confirmed_does_not_come_again() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    client.run("print a").await;
    client.confirm_once(wire::Channel::Shell).await;
    client.leave().await;

    let mut client = Client::connect(&kernel);
    let cell = client.execute("print b").await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|answer: &Answer| answer.parent != cell) {
        heard.push(Answer::of(&client.hear().await));
    }
    assert_eq!(outputs(&heard), [], "{heard:?}");
}

#[tokio::test]
async fn a_cell_that_is_half_confirmed_comes_again_from_its_start() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    let cell = client.execute("print before\ninput go?\nprint after").await;
    while Answer::of(&client.hear().await).msg_type != "input_request" {}
    // Everything until here; the answer to the question is what the fake kernel goes on with.
    let mut carried = None;
    while carried.is_none() {
        if let Some(channels::Outgoing::Ping(position)) = futures::StreamExt::next(&mut client.down).await {
            carried = Some(position);
        }
    }
    client.send(channels::Incoming::Pong(carried.unwrap())).await;
    client.answers_pings = false;
    client
        .request(wire::Channel::Stdin, "input_reply", &json!({"value": "yes"}))
        .await;
    until_idle(&mut client, &cell).await;
    client.leave().await;

    let answers = until_idle(&mut Client::connect(&kernel), &cell).await;
    assert_eq!(outputs(&answers).first().unwrap().0, "clear_output");
    assert_eq!(text(&answers), "before\nyes\nafter\n");
}

#[tokio::test]
async fn coming_back_twice_before_anything_is_confirmed_repeats_it_twice() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = silent(&kernel);
    let cell = client.execute("print 20 times").await;
    until_idle(&mut client, &cell).await;
    client.leave().await;
    // This one hears only the beginning of what is repeated.
    let mut client = silent(&kernel);
    while Answer::of(&client.hear().await).msg_type != "stream" {}
    client.leave().await;

    let answers = until_idle(&mut Client::connect(&kernel), &cell).await;
    assert_eq!(outputs(&answers).first().unwrap().0, "clear_output");
    assert_eq!(text(&answers).lines().count(), 20);
}

#[tokio::test]
async fn a_question_is_asked_again() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = silent(&kernel);
    let cell = client.execute("input go?").await;
    while Answer::of(&client.hear().await).msg_type != "input_request" {}
    client.leave().await;

    let mut client = Client::connect(&kernel);
    while Answer::of(&client.hear().await).msg_type != "input_request" {}
    client
        .request(wire::Channel::Stdin, "input_reply", &json!({"value": "yes"}))
        .await;
    assert_eq!(text(&client.hear_answers(&cell).await), "yes\n");
}

#[tokio::test]
async fn the_server_does_not_clear_what_it_cannot_give_again() {
    let limits = KernelLimits {
        journal_memory_bytes_max: 20_000,
        journal_file_bytes_max: 20_000,
        ..KernelLimits::default()
    };
    let kernels = FakeKernels::with(|config| config.limits = limits).unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = silent(&kernel);
    let cell = client.execute("burst 2000 100").await;
    until_idle(&mut client, &cell).await;
    client.leave().await;

    let mut client = Client::connect(&kernel);
    let mut answers = until_idle(&mut client, &cell).await;
    assert!(
        outputs(&answers)
            .iter()
            .all(|(msg_type, _)| *msg_type != "clear_output")
    );
    answers.extend(client.run("print after").await);
    let told = answers.iter().filter(|answer| answer.content["name"] == "stderr");
    let told: Vec<_> = told
        .map(|answer| answer.content["text"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("outputs may be missing here"), "{told:?}");
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_sent_all_of_a_long_cell_again() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect_as(&kernel, Connect::default());
    client.answers_pings = false;
    let cell = client.execute("burst 3000 1000").await;
    until_idle(&mut client, &cell).await;
    client.leave().await;
    let answers = until_idle(&mut Client::connect(&kernel), &cell).await;
    assert_eq!(text(&answers).split_whitespace().count(), 3000);
}

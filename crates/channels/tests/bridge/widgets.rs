//! What a cell says inside `with out:` of ipywidgets is the widget's, also for a client that comes back.

use std::collections::HashMap;

use channels::{Filters, Incoming, Outgoing, retell};
use fake_kernel::FakeKernels;
use futures::StreamExt;
use kernels::Position;
use serde_json::{Value, json};
use wire::Channel;

use crate::client::{Answer, Client};

const CODE: &str = "print a\ncapture w\nprint b\ninput go?\nprint c\nrelease w\nprint d";

/// A page with one cell and its output widgets, as front ends show it.
#[derive(Default)]
struct Page {
    cell: Shown,
    widget: Shown,
    /// The comm that takes the cell's outputs.
    taken_by: HashMap<String, String>,
}

#[derive(Default)]
struct Shown {
    text: String,
    is_cleared_by_next: bool,
}

impl Page {
    fn hear(&mut self, answer: &Answer, cell: &str) {
        if answer.msg_type == "comm_msg" {
            let comm_id = answer.content["comm_id"].as_str().unwrap().to_owned();
            let msg_id = answer.content["data"]["state"]["msg_id"].as_str().unwrap();
            self.taken_by.insert(comm_id, msg_id.to_owned());
        }
        if answer.parent != cell {
            return;
        }
        let is_taken = self.taken_by.values().any(|msg_id| msg_id == cell);
        let shown = if is_taken {
            &mut self.widget
        } else {
            &mut self.cell
        };
        match answer.msg_type.as_str() {
            "clear_output" => shown.is_cleared_by_next = true,
            "stream" => {
                if std::mem::take(&mut shown.is_cleared_by_next) {
                    shown.text.clear();
                }
                shown.text.push_str(answer.content["text"].as_str().unwrap());
            }
            _ => {}
        }
    }

    async fn hear_until_idle(&mut self, client: &mut Client, cell: &str) {
        loop {
            let answer = Answer::of(&client.hear().await);
            self.hear(&answer, cell);
            if answer.parent == cell && answer.content["execution_state"] == "idle" {
                return;
            }
        }
    }

    /// Until the cell has asked and said all before: the two come on channels of their own.
    async fn hear_until_asked(&mut self, client: &mut Client, cell: &str) {
        let mut has_asked = false;
        while !has_asked || !self.widget.text.contains('b') {
            let answer = Answer::of(&client.hear().await);
            self.hear(&answer, cell);
            has_asked |= answer.msg_type == "input_request";
        }
    }
}

/// Confirms all that was heard, and nothing after it.
async fn confirm_all(client: &mut Client) {
    while let Some(outgoing) = client.down.next().await {
        if let Outgoing::Ping(carried) = outgoing {
            client.send(Incoming::Pong(carried)).await;
            client.answers_pings = false;
            return;
        }
    }
}

async fn answer_input(client: &mut Client) {
    let content = json!({"value": "yes"});
    client.request(Channel::Stdin, "input_reply", &content).await;
}

#[tokio::test]
async fn a_page_that_comes_back_has_in_its_cell_what_is_the_cells_and_in_its_widget_what_is_the_widgets() {
    for got_all in [true, false] {
        let kernels = FakeKernels::new().unwrap();
        let kernel = kernels.start().await.unwrap();
        let mut client = Client::connect(&kernel);
        let mut page = Page::default();
        let cell = client.execute(CODE).await;
        page.hear_until_asked(&mut client, &cell).await;
        confirm_all(&mut client).await;
        answer_input(&mut client).await;
        // What was sent then has arrived, or is lost.
        let mut lost = Page::default();
        let since = if got_all { &mut page } else { &mut lost };
        since.hear_until_idle(&mut client, &cell).await;
        client.leave().await;

        page.hear_until_idle(&mut Client::connect(&kernel), &cell).await;
        assert_eq!(page.cell.text, "a\nd\n");
        let expected = if got_all {
            "b\nyes\nc\nyes\nc\n"
        } else {
            "b\nyes\nc\n"
        };
        assert_eq!(page.widget.text, expected);
    }
}

#[tokio::test]
async fn a_page_that_comes_back_while_a_widget_takes_all_goes_on_with_that() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    client.answers_pings = false;
    let mut page = Page::default();
    let cell = client.execute(CODE).await;
    page.hear_until_asked(&mut client, &cell).await;
    client.leave().await;

    let mut client = Client::connect(&kernel);
    page.widget.text = page.widget.text.replace('b', "once");
    page.hear_until_asked(&mut client, &cell).await;
    answer_input(&mut client).await;
    page.hear_until_idle(&mut client, &cell).await;
    assert_eq!(page.cell.text, "a\nd\n");
    assert_eq!(page.widget.text, "once\nb\nyes\nc\n");
}

#[tokio::test]
async fn what_a_widget_took_is_not_told_later_as_the_cells() {
    let kernels = FakeKernels::new().unwrap();
    let kernel = kernels.start().await.unwrap();
    let mut client = Client::connect(&kernel);
    client
        .run("print a\ncapture w\nprint b\nclear\nrelease w\nresult d")
        .await;
    let retold = retell(
        &kernel,
        kernel.executions(),
        Position(u64::MAX),
        &Filters::default(),
        usize::MAX,
    )
    .await;
    let outputs: Value = serde_json::to_value(retold[0].outputs.outputs()).unwrap();
    assert_eq!(
        (&outputs[0]["text"], &outputs[1]["execution_count"], &outputs[2]),
        (&json!("a\n"), &json!(1), &Value::Null)
    );
    assert!(retold[0].outputs.is_complete);
}

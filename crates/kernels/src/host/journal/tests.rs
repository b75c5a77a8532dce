use bytes::Bytes;
use serde_json::json;
use wire::{Channel, NewHeader};

use super::{index::REQUESTS_INDEXED_MAX, *};

fn message(number: u64) -> Message {
    let part = |text: String| Bytes::from(text);
    Message {
        channel: Channel::Iopub,
        header: part(format!(r#"{{"msg_id":"{number}","msg_type":"stream"}}"#)),
        parent_header: part("{}".to_owned()),
        metadata: part("{}".to_owned()),
        content: part(format!(r#"{{"text":"{number}"}}"#)),
        buffers: vec![part("x".repeat(100))],
    }
}

fn journal(memory_bytes_max: usize, file_bytes_max: u64) -> (Journal, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (
        Journal::new(
            Position(0),
            memory_bytes_max,
            file_bytes_max,
            dir.path().to_owned(),
        ),
        dir,
    )
}

fn say(journal: &Journal, audience: Audience, number: u64, request: Option<&str>) {
    let message = &message(number);
    journal.append([Entry {
        audience,
        message,
        request,
    }]);
}

fn client(name: &str) -> ClientId {
    ClientId::new(name)
}

/// Reads all there is: message ids, and how many were missed.
async fn read_all(journal: &Journal, mut from: Position, client: &ClientId) -> (Vec<String>, u64) {
    let (mut ids, mut missed_in_all) = (Vec::new(), 0);
    loop {
        let deliveries = match journal.read(from, client) {
            Read::Deliveries { deliveries, next } => {
                from = next;
                deliveries
            }
            Read::Behind(behind) => {
                let fetched = behind.fetch().await;
                (from, missed_in_all) = (fetched.next, missed_in_all + fetched.missed);
                let read = fetched.deliveries.into_iter();
                read.filter(|delivery| delivery.audience.includes(client))
                    .collect()
            }
            Read::Missed { missed, next } => {
                missed_in_all += missed;
                from = next;
                Vec::new()
            }
            Read::Nothing | Read::Closed => return (ids, missed_in_all),
        };
        ids.extend(
            deliveries
                .iter()
                .map(|delivery| delivery.message().header().unwrap().msg_id.into_owned()),
        );
    }
}

fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn what_leaves_memory_while_needed_is_read_back_from_the_file() {
    let (journal, _dir) = journal(2_000, 1 << 20);
    journal.keep(Some(Position(0)));
    for number in 0..1_000 {
        say(&journal, Audience::Everyone, number, None);
    }
    assert_eq!(
        read_all(&journal, Position(0), &client("a")).await,
        (numbers(0..1_000), 0)
    );
    assert_eq!(
        read_all(&journal, Position(500), &client("a")).await,
        (numbers(500..1_000), 0)
    );
}

#[tokio::test]
async fn what_falls_out_of_the_file_is_told_as_missed() {
    let (journal, _dir) = journal(2_000, 1 << 20);
    journal.keep(Some(Position(0)));
    for number in 0..10_000 {
        say(&journal, Audience::Everyone, number, None);
    }
    let (ids, missed) = read_all(&journal, Position(0), &client("a")).await;
    assert!(missed > 0);
    assert_eq!(ids, numbers(missed..10_000));
}

#[tokio::test]
async fn what_nobody_needs_is_not_written_to_the_file() {
    let (journal, _dir) = journal(2_000, 1 << 20);
    journal.keep(Some(Position(90)));
    for number in 0..100 {
        say(&journal, Audience::Everyone, number, None);
    }
    let (ids, missed) = read_all(&journal, Position(0), &client("a")).await;
    assert!((1..=90).contains(&missed), "{missed}");
    assert_eq!(ids, numbers(missed..100));
}

#[tokio::test]
async fn a_message_for_one_is_not_seen_by_others_in_memory_or_file() {
    let (journal, _dir) = journal(500, 1 << 20);
    journal.keep(Some(Position(0)));
    for number in 0..50 {
        let audience = if number % 2 == 0 {
            Audience::Everyone
        } else {
            Audience::Only(client("a"))
        };
        say(&journal, audience, number, None);
    }
    assert_eq!(read_all(&journal, Position(0), &client("a")).await.0.len(), 50);
    assert_eq!(read_all(&journal, Position(0), &client("b")).await.0.len(), 25);
}

#[test]
fn the_first_answer_to_a_request_is_indexed() {
    let (journal, _dir) = journal(1 << 20, 0);
    say(&journal, Audience::Everyone, 0, None);
    say(&journal, Audience::Everyone, 1, Some("q"));
    say(&journal, Audience::Everyone, 2, Some("q"));
    assert_eq!(journal.first_answering("q"), Some(Position(1)));
    assert_eq!(journal.first_answering("r"), None);
}

/// What a kernel says about `request`.
fn answer(journal: &Journal, msg_type: &str, execution_state: &str, request: &str) {
    let header = NewHeader {
        msg_id: "m",
        msg_type,
        session: "",
        username: "",
        date: "",
    };
    let content = json!({"execution_state": execution_state});
    journal.append([Entry {
        audience: Audience::Everyone,
        message: &Message::new(Channel::Iopub, header, None, &content),
        request: Some(request),
    }]);
}

#[test]
fn requests_without_outputs_push_no_others_out_of_the_index() {
    let (journal, _dir) = journal(1 << 20, 0);
    answer(&journal, "status", "busy", "cell");
    answer(&journal, "stream", "", "cell");
    answer(&journal, "stream", "", "cell");
    for number in 0..=REQUESTS_INDEXED_MAX {
        let question = format!("question {number}");
        answer(&journal, "status", "busy", &question);
        answer(&journal, "status", "idle", &question);
    }
    answer(&journal, "stream", "", "cell");
    assert_eq!(journal.requests(), [("cell".into(), Position(1))]);
}

#[test]
fn ids_that_a_kernel_makes_up_take_little_room_in_the_index() {
    let (journal, _dir) = journal(1 << 20, 0);
    answer(&journal, "stream", "", &"m".repeat(MSG_ID_BYTES_MAX + 1));
    journal.index_requests([("m".repeat(60_000).into(), Position(0))]);
    assert_eq!(journal.requests(), []);
}

#[test]
fn a_closed_journal_is_read_to_its_end() {
    let (journal, _dir) = journal(1 << 20, 0);
    say(&journal, Audience::Everyone, 0, None);
    journal.close();
    assert!(matches!(
        journal.read(Position(0), &client("a")),
        Read::Deliveries { .. }
    ));
    assert!(matches!(journal.read(Position(1), &client("a")), Read::Closed));
}

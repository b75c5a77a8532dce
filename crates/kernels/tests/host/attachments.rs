//! Clients that are slow, go away and come back.

use kernels::{ExecutionState, Gap, Position};

use crate::support::{Client, DEADLINE, Fixture, eventually};

/// The numbers `burst` printed in answer to `request`, as far as they are there.
async fn burst_numbers(client: &mut Client, request: &str, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let delivery = client.next().await;
        let is_stream = delivery.message().header().unwrap().msg_type == "stream";
        let answers = delivery
            .message()
            .parent()
            .unwrap()
            .is_some_and(|parent| parent.msg_id == request);
        if is_stream && answers {
            let content: serde_json::Value = serde_json::from_slice(&delivery.message().content).unwrap();
            let digits: String = content["text"]
                .as_str()
                .unwrap()
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            numbers.push(digits.parse().unwrap());
        }
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_outputs_reach_a_slow_client_through_the_file() {
    let fixture = Fixture::with(|config| config.limits.journal_memory_bytes_max = 100_000);
    let kernel = fixture.start().await;
    let mut slow = Client::attach(&kernel, "slow");
    let mut fast = Client::attach(&kernel, "fast");
    slow.execute("1", "burst 50000 40").await;
    let expected: Vec<u64> = (0..50_000).collect();
    assert_eq!(burst_numbers(&mut fast, "1", 50_000).await, expected);
    assert_eq!(burst_numbers(&mut slow, "1", 50_000).await, expected);
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing_and_a_new_one_starts_now() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "print 100 times").await;
    client.until("stream", "1").await;
    drop(client);
    let mut watcher = Client::attach(&kernel, "watcher");
    watcher.execute("2", "print second").await;
    watcher.output("2").await;
    assert_eq!(watcher.attachment.resumed(), None);

    let mut client = Client::attach(&kernel, "client");
    assert!(client.attachment.resumed().is_some());
    assert_eq!(client.output("1").await.lines().count(), 99);
    assert_eq!(client.output("2").await, "second\n");
}

#[tokio::test]
async fn a_client_that_confirms_goes_on_from_what_it_confirmed() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.attachment.acknowledge(client.attachment.position());
    client.execute("1", "print 10 times").await;
    client.until("stream", "1").await;
    client.attachment.acknowledge(client.attachment.position());
    let confirmed = client.attachment.position();
    client.until("stream", "1").await;
    client.until("stream", "1").await;
    let handed_out = client.attachment.position();
    drop(client);

    let mut client = Client::attach(&kernel, "client");
    let resumed = client.attachment.resumed().unwrap();
    assert_eq!((resumed.from, resumed.sent_until), (confirmed, handed_out));
    assert_eq!(client.output("1").await.lines().count(), 9);
    // All of the request's outputs, from its start.
    let start = kernel.first_answering("1").unwrap();
    assert!(start < confirmed);
    client.attachment.seek(start);
    assert_eq!(client.output("1").await.lines().count(), 10);
}

#[tokio::test]
async fn what_is_confirmed_stays_confirmed_whatever_the_client_says_later() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "print 10 times").await;
    client.output("1").await;
    let confirmed = client.attachment.position();
    client.attachment.acknowledge(confirmed);
    client.attachment.acknowledge(Position(0));
    drop(client);
    let resumed = Client::attach(&kernel, "client").attachment.resumed();
    assert_eq!(resumed.unwrap().from, confirmed);
}

#[tokio::test]
async fn the_newer_of_two_attachments_supersedes_the_older() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let older = Client::attach(&kernel, "client");
    let mut newer = Client::attach(&kernel, "client");
    tokio::time::timeout(DEADLINE, older.attachment.superseded())
        .await
        .unwrap();
    assert_eq!(kernel.model().connections, 1);
    drop(older);
    assert_eq!(kernel.model().connections, 1);
    newer.execute("1", "print x").await;
    assert_eq!(newer.output("1").await, "x\n");
    drop(newer);
    assert_eq!(kernel.model().connections, 0);
}

#[tokio::test]
async fn what_fell_out_of_the_journal_is_told_as_a_gap() {
    let fixture = Fixture::with(|config| {
        config.limits.journal_memory_bytes_max = 10_000;
        config.limits.journal_file_bytes_max = 100_000;
    });
    let kernel = fixture.start().await;
    let mut slow = Client::attach(&kernel, "slow");
    slow.execute("1", "burst 2000 400").await;
    let state = || kernel.model().execution_state;
    eventually("busy", || state() == ExecutionState::Busy).await;
    eventually("done", || state() == ExecutionState::Idle).await;
    let Gap { missed } = loop {
        match slow.attachment.next().await {
            Err(gap) => break gap,
            Ok(delivery) => assert!(delivery.is_some()),
        }
    };
    assert!(missed > 1_000, "{missed}");
    let position = slow.attachment.position();
    assert_eq!(slow.next().await.position, position);
    assert_eq!(burst_numbers(&mut slow, "1", 1).await.len(), 1);
}

#[tokio::test]
async fn only_so_many_clients_that_went_away_are_remembered() {
    let fixture = Fixture::with(|config| config.limits.remembered_clients_max = 2);
    let kernel = fixture.start().await;
    for name in ["1", "2", "3"] {
        drop(Client::attach(&kernel, name));
    }
    let resumed = |name| Client::attach(&kernel, name).attachment.resumed();
    assert_eq!(resumed("1"), None);
    assert!(resumed("3").is_some());
}

#[tokio::test]
async fn who_went_away_in_the_middle_of_a_cell_is_not_forgotten_for_those_who_only_look() {
    let fixture = Fixture::with(|config| config.limits.remembered_clients_max = 2);
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    client.execute("1", "print 3 times every 200").await;
    client.until("stream", "1").await;
    drop(client);
    for name in ["1", "2", "3", "4"] {
        drop(Client::attach(&kernel, name));
    }
    let mut client = Client::attach(&kernel, "client");
    assert!(client.attachment.resumed().is_some());
    assert_eq!(client.output("1").await.lines().count(), 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_takes_nothing_out() {
    let fixture = Fixture::new();
    let kernel = fixture.start().await;
    let mut client = Client::attach(&kernel, "client");
    let before = client.attachment.position();
    assert!(futures::FutureExt::now_or_never(client.attachment.next()).is_none());
    client.execute("1", "print x").await;
    assert!(before >= Position(0));
    assert_eq!(client.output("1").await, "x\n");
}

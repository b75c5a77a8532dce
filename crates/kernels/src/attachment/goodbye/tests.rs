use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::Handle;
use wire::{Channel, Message, NewHeader};

use std::sync::Arc;

use super::*;
use crate::{
    KernelLimits,
    attachment::{Attachment, RememberedMax},
    host::journal::{Audience, CodeDigest, Entry, Journal},
};

const PAGE: &str = "page";

struct Scene {
    journal: Arc<Journal>,
    clients: Arc<Clients>,
}

impl Scene {
    fn new(return_wait: Duration) -> Self {
        Self::with_memory(1 << 20, return_wait)
    }

    fn with_memory(memory_bytes_max: usize, return_wait: Duration) -> Self {
        let journal = Arc::new(Journal::new(Position(0), memory_bytes_max, 0, "/".into()));
        let limits = KernelLimits {
            return_wait,
            ..KernelLimits::default()
        };
        let clients = Clients::new(journal.clone(), RememberedMax::new(&limits));
        Self { journal, clients }
    }

    fn attach(&self, client: &str) -> Attachment {
        self.clients.attach(ClientId::new(client))
    }

    /// Runs the page's cell.
    fn run(&self, msg_id: &str) {
        self.run_in(Some("cell"), msg_id);
    }

    fn run_in(&self, cell_id: Option<&str>, msg_id: &str) {
        self.journal.note_execution(Execution {
            msg_id: msg_id.into(),
            client: ClientId::new(PAGE),
            cell_id: cell_id.map(Into::into),
            code: CodeDigest::of(""),
            asked: Timestamp::UNIX_EPOCH,
            first: None,
            ended: None,
        });
        self.say("busy", msg_id);
    }

    fn say(&self, execution_state: &str, request: &str) {
        let header = NewHeader {
            msg_id: "m",
            msg_type: "status",
            session: "",
            username: "",
            date: "",
        };
        let content = json!({"execution_state": execution_state});
        self.journal.append([Entry {
            audience: Audience::Everyone,
            message: &Message::new(Channel::Iopub, header, None, &content),
            request: Some(request),
        }]);
    }

    /// The page is closed, and will not be back at once.
    fn close(&self, page: Attachment) {
        drop(page);
        self.clients.say_goodbye(&ClientId::new(PAGE), true);
        self.pass(Duration::from_secs(61));
    }

    /// It is later.
    fn pass(&self, time: Duration) {
        self.clients.sweep(Instant::now() + time);
    }

    fn keeps_all(&self) -> bool {
        self.journal.needed_from() == Some(Position(0))
    }
}

#[tokio::test]
async fn what_a_page_would_miss_that_was_closed_is_kept_for_a_while() {
    let scene = Scene::new(Duration::from_millis(50));
    let page = scene.attach(PAGE);
    scene.say("busy", "q");
    drop(page);
    scene.clients.say_goodbye(&ClientId::new(PAGE), true);
    assert!(scene.keeps_all());
    while scene.keeps_all() {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.attach(PAGE).resumed().unwrap().from, Position(0));
}

#[tokio::test]
async fn for_a_page_that_was_only_cut_off_or_comes_back_all_is_kept() {
    let scene = Scene::new(Duration::ZERO);
    let page = scene.attach(PAGE);
    scene.say("busy", "q");
    scene.close(page);
    assert!(!scene.keeps_all());
    let page = scene.attach(PAGE);
    assert!(scene.keeps_all());
    drop(page);
    scene.pass(Duration::from_secs(61));
    assert!(scene.keeps_all());
}

#[tokio::test]
async fn what_its_cell_says_is_kept_until_it_is_seen_to() {
    let scene = Scene::new(Duration::from_secs(60));
    let page = scene.attach(PAGE);
    scene.run("q");
    scene.close(page);
    scene.clients.note_seen_to(&scene.journal.executions());
    assert!(scene.keeps_all(), "it runs still");
    scene.say("idle", "q");
    scene.clients.let_go();
    assert!(scene.keeps_all());
    scene.clients.note_seen_to(&scene.journal.executions());
    assert!(!scene.keeps_all());
}

#[tokio::test]
async fn what_its_cell_says_is_not_kept_once_that_has_run_again() {
    let scene = Scene::new(Duration::from_secs(60));
    let page = scene.attach(PAGE);
    scene.run("q");
    scene.close(page);
    scene.say("idle", "q");
    drop(scene.attach("other"));
    assert!(scene.keeps_all());
    scene.run("again");
    let _other = scene.attach("another");
    assert!(!scene.keeps_all());
}

#[tokio::test]
async fn what_its_cell_says_is_not_kept_where_nobody_writes_it() {
    let scene = Scene::new(Duration::from_secs(60));
    let page = scene.attach(PAGE);
    scene.run("q");
    drop(page);
    scene.clients.say_goodbye(&ClientId::new(PAGE), false);
    assert!(scene.keeps_all());
    scene.pass(Duration::from_secs(61));
    assert!(!scene.keeps_all());
}

#[tokio::test]
async fn what_its_cell_has_said_is_kept_for_a_day_and_what_it_says_still_for_longer() {
    let scene = Scene::new(Duration::from_secs(60));
    let page = scene.attach(PAGE);
    scene.run("q");
    scene.close(page);
    scene.pass(Duration::from_hours(1_000));
    assert!(scene.keeps_all());
    scene.say("idle", "q");
    scene.pass(Duration::ZERO);
    scene.pass(Duration::from_hours(23));
    assert!(scene.keeps_all());
    scene.pass(Duration::from_hours(25));
    assert!(!scene.keeps_all());
}

#[tokio::test]
async fn a_program_that_was_given_all_answers_is_owed_nothing_though_it_confirmed_none() {
    for (cell_id, is_kept) in [(None, false), (Some("cell"), true)] {
        let scene = Scene::new(Duration::from_secs(60));
        let mut client = scene.attach(PAGE);
        client.acknowledge(Position(0));
        scene.run_in(cell_id, "q");
        scene.say("idle", "q");
        while client.next_before(Position(2)).await.unwrap().is_some() {}
        scene.close(client);
        assert_eq!(scene.keeps_all(), is_kept, "{cell_id:?}");
    }
}

#[tokio::test]
async fn an_older_goodbye_does_not_end_the_wait_after_a_newer_one() {
    let scene = Scene::new(Duration::from_secs(60));
    let page = scene.attach(PAGE);
    scene.say("busy", "q");
    let now = Instant::now();
    for minutes_halved in [0, 1] {
        drop(scene.attach(PAGE));
        let later = now + minutes_halved * Duration::from_secs(30);
        scene.clients.say_goodbye_at(&ClientId::new(PAGE), false, later);
    }
    drop(page);
    scene.clients.sweep(now + Duration::from_secs(61));
    assert!(scene.keeps_all());
    scene.clients.sweep(now + Duration::from_secs(91));
    assert!(!scene.keeps_all());
}

#[tokio::test]
async fn who_comes_back_later_and_can_have_all_no_longer_begins_at_the_head() {
    let scene = Scene::with_memory(1, Duration::from_secs(60));
    let page = scene.attach(PAGE);
    scene.say("busy", "q");
    scene.say("idle", "q");
    scene.close(page);
    let mut page = scene.attach(PAGE);
    assert_eq!((page.resumed(), page.position()), (None, Position(2)));
    scene.say("busy", "p");
    assert_eq!(page.next().await.unwrap().unwrap().position, Position(2));
}

#[tokio::test]
async fn all_goodbyes_of_a_kernel_cost_one_task_until_they_are_over_or_the_kernel_is() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let until_none = async || {
        while tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    for is_over in [true, false] {
        let scene = Scene::new(Duration::from_secs(60));
        for number in 0..50 {
            let page = ClientId::new(number.to_string());
            drop(scene.clients.attach(page.clone()));
            scene.clients.say_goodbye(&page, true);
        }
        assert_eq!(tasks(), 1);
        if is_over {
            scene.pass(Duration::from_secs(61));
            until_none().await;
        }
        drop(scene);
        until_none().await;
    }
}

#[tokio::test]
async fn another_server_knows_who_has_said_goodbye() {
    let (before, after) = (Scene::new(Duration::ZERO), Scene::new(Duration::ZERO));
    let page = before.attach(PAGE);
    before.say("busy", "q");
    before.close(page);
    after.say("busy", "q");
    let positions = serde_json::to_value(before.clients.positions()).unwrap();
    after
        .clients
        .remember(serde_json::from_value(positions).unwrap(), Position(1));
    assert!(!after.keeps_all());
    assert!(after.attach(PAGE).resumed().is_some());
}

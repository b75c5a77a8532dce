//! What is kept for a client that has closed its connection, as pages do when they go.
//!
//! Most never come back: a page that is opened anew has another id. But some do, as when somebody asks a front end to
//! connect again, so all is kept for a while. After that only what its own cells say: it is written into their document at
//! their end, or when that is opened again.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::Clients;
use crate::{
    ClientId,
    host::journal::{Execution, Position},
};

/// What a client needs that has said goodbye.
pub(super) struct Goodbye {
    /// Whether it may be back at once.
    may_return: bool,
    /// Its requests whose last it has not seen, and which nobody else has.
    owed: Vec<Box<str>>,
}

impl Goodbye {
    pub(super) fn said_now(executions: &[Execution], client: &ClientId, resumes_at: Position) -> Self {
        Self {
            may_return: true,
            ..Self::said_long_ago(executions, client, resumes_at)
        }
    }

    pub(super) fn said_long_ago(executions: &[Execution], client: &ClientId, resumes_at: Position) -> Self {
        let own = executions.iter().filter(|execution| execution.client == *client);
        let owed = own.filter(|own| own.ended.is_none_or(|ended| ended >= resumes_at));
        Self {
            may_return: false,
            owed: owed.map(|owed| owed.msg_id.clone()).collect(),
        }
    }

    /// Ends its time to come back, later.
    pub(super) fn wait_for_return(clients: &Arc<Clients>, client: ClientId, wait: Duration) {
        let clients = Arc::downgrade(clients);
        tokio::spawn(async move {
            sleep(wait).await;
            if let Some(clients) = clients.upgrade() {
                clients.end_wait(&client);
            }
        });
    }

    pub(super) fn end_wait(&mut self) {
        self.may_return = false;
    }

    /// Whether something has to be kept for it.
    pub(super) fn needs(&self) -> bool {
        self.may_return || self.is_owed()
    }

    pub(super) fn is_owed(&self) -> bool {
        !self.owed.is_empty()
    }

    /// These have been written down, those that have ended to their end.
    pub(super) fn note_written(&mut self, executions: &[Execution]) {
        let is_written = |owed: &str| {
            let mut written = executions.iter().filter(|execution| execution.ended.is_some());
            written.any(|execution| *execution.msg_id == *owed)
        };
        self.owed.retain(|owed| !is_written(owed));
    }

    /// Only these requests are of interest, since nothing newer has run in their cells.
    pub(super) fn retain_newest(&mut self, executions: &[Execution]) {
        self.owed
            .retain(|owed| executions.iter().any(|execution| execution.msg_id == *owed));
    }
}

/// The newest request of each cell.
pub(crate) fn newest_of(executions: Vec<Execution>) -> Vec<Execution> {
    let mut newest = Vec::<Execution>::new();
    for execution in executions {
        newest.retain(|older| match (&older.cell_id, &execution.cell_id) {
            (Some(older), Some(newer)) => older != newer,
            (_, _) => older.code != execution.code,
        });
        newest.push(execution);
    }
    newest
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use wire::{Channel, Message, NewHeader};

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
            let journal = Arc::new(Journal::new(Position(0), 1 << 20, 0, "/".into()));
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
            self.journal.note_execution(Execution {
                msg_id: msg_id.into(),
                client: ClientId::new(PAGE),
                cell_id: Some("cell".into()),
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
            self.clients.say_goodbye(&ClientId::new(PAGE));
            self.clients.end_wait(&ClientId::new(PAGE));
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
        scene.clients.say_goodbye(&ClientId::new(PAGE));
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
        scene.clients.end_wait(&ClientId::new(PAGE));
        assert!(scene.keeps_all());
    }

    #[tokio::test]
    async fn what_its_cell_says_is_kept_until_it_is_written() {
        let scene = Scene::new(Duration::from_secs(60));
        let page = scene.attach(PAGE);
        scene.run("q");
        scene.close(page);
        scene.clients.note_written(&scene.journal.executions());
        assert!(scene.keeps_all(), "it runs still");
        scene.say("idle", "q");
        scene.clients.let_go();
        assert!(scene.keeps_all());
        scene.clients.note_written(&scene.journal.executions());
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
}

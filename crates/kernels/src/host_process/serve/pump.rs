//! What one server is told: what the kernel says, as fast as it reads, and the answers to what it asked.

use std::time::Duration;

use bytes::BytesMut;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use wire::Channel;

use super::connection::Connection;
use crate::{
    KernelStatus, Position,
    host::journal::{Execution, Fetched, News, Read},
    host_process::protocol::{
        Attached, FrameWriter, HostSays, Kind, MessageCounts, ProtocolError, Wanted, carry_delivery,
        carry_fetched,
    },
};

/// How long news of the kernel's last activity may wait when nothing else is said.
const ACTIVITY_PAUSE: Duration = Duration::from_millis(5);

/// What there is to tell, from the half that listens.
pub(super) struct Asked {
    pub(super) said: mpsc::UnboundedReceiver<HostSays>,
    pub(super) fetching: mpsc::UnboundedReceiver<(u64, Position)>,
    pub(super) taking: mpsc::UnboundedReceiver<Channel>,
    /// What servers before have sent that the kernel does not have yet.
    pub(super) queued: MessageCounts,
}

/// The writing half.
pub(super) struct Pump<'a> {
    writer: FrameWriter,
    asked: Asked,
    news: watch::Receiver<News>,
    status: watch::Receiver<KernelStatus>,
    /// Deliveries before this one are written.
    pushed: Position,
    told_status: Option<KernelStatus>,
    told_status_at: Instant,
    told_closed: bool,
    ends: watch::Receiver<u64>,
    /// How many processes had ended when it was told which requests had; `None` before that.
    told_ends: Option<u64>,
    setup_known: bool,
    connection: &'a Connection,
}

/// What there is to write.
enum Due {
    Say(HostSays),
    Fetch(u64, Position),
    Taken(Channel),
    /// Requests that ended with the kernel's process, when so many had.
    Ends(u64),
    /// Deliveries, or the status, or the log.
    News,
}

impl<'a> Pump<'a> {
    /// Tells what is wanted.
    pub(super) fn new(connection: &'a Connection, writer: FrameWriter, asked: Asked, wanted: Wanted) -> Self {
        Self {
            writer,
            asked,
            news: connection.host.journal.news(),
            status: connection.host.status.clone(),
            pushed: wanted.from.unwrap_or_else(|| connection.host.journal.head()),
            told_status: None,
            told_status_at: Instant::now(),
            told_closed: false,
            ends: connection.host.journal.ends(),
            told_ends: None,
            setup_known: wanted.setup_known,
            connection,
        }
    }

    /// Tells until the server is gone.
    pub(super) async fn run(mut self) -> ProtocolError {
        match self.pump().await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn pump(&mut self) -> Result<std::convert::Infallible, ProtocolError> {
        self.attach().await?;
        loop {
            match self.due().await {
                Due::Say(says) => {
                    // The journal is complete up to what the answer is about.
                    self.push_all().await?;
                    self.writer.say(&says)?;
                }
                Due::Fetch(id, from) => self.answer_fetch(id, from).await?,
                Due::Taken(channel) => self.tell_taken(channel)?,
                Due::Ends(processes) => self.tell_ends(processes).await?,
                Due::News => {}
            }
            self.push().await?;
            let lines = self.connection.log.take();
            if !lines.is_empty() {
                self.writer.say(&HostSays::Log { lines })?;
            }
            self.writer.flush().await?;
        }
    }

    async fn attach(&mut self) -> Result<(), ProtocolError> {
        let journal = &self.connection.host.journal;
        let attached = {
            let mut told = self.connection.memory.told();
            let setup = match self.setup_known {
                true => serde_json::Value::Null,
                false => self.connection.memory.setup_now(&self.connection.host.variables),
            };
            let sent_until = told.pushed;
            told.pushed = self.pushed;
            Attached {
                status: self.status.borrow_and_update().clone(),
                next: self.pushed,
                sent_until,
                clients: told.clients.values().cloned().collect(),
                requests: journal.requests(),
                executions: journal.executions(),
                queued: self.asked.queued,
                setup,
            }
        };
        self.told_status = Some(attached.status.clone());
        self.writer.say(&HostSays::Attached(Box::new(attached)))?;
        self.writer.flush().await
    }

    /// Waits until there is something to write.
    async fn due(&mut self) -> Due {
        let (pushed, told_closed, told_ends) = (self.pushed, self.told_closed, self.told_ends);
        let is_news = |news: &News| news.head > pushed || (news.closed && !told_closed);
        let activity_waits = self
            .told_status
            .as_ref()
            .is_none_or(|told| *told != *self.status.borrow());
        tokio::select! {
            Some(says) = self.asked.said.recv() => Due::Say(says),
            Some((id, from)) = self.asked.fetching.recv() => Due::Fetch(id, from),
            Some(channel) = self.asked.taking.recv() => Due::Taken(channel),
            // None of these senders is dropped before the host ends.
            Ok(processes) = self.ends.wait_for(|processes| Some(*processes) != told_ends) => Due::Ends(*processes),
            _ = self.news.wait_for(is_news) => Due::News,
            _ = self.status.changed() => Due::News,
            () = self.connection.log.written() => Due::News,
            () = sleep_until(self.told_status_at + ACTIVITY_PAUSE), if activity_waits => Due::News,
        }
    }

    /// Pushes what the journal has at hand, the status before it.
    async fn push(&mut self) -> Result<(), ProtocolError> {
        let (deliveries, next) = match self.connection.host.journal.read_all(self.pushed) {
            Read::Deliveries { deliveries, next } => (deliveries, next),
            Read::Behind(behind) => {
                let Fetched { deliveries, next, .. } = behind.fetch().await;
                (deliveries, next)
            }
            // The server sees by the positions that some are missing.
            Read::Missed { next, .. } => (Vec::new(), next),
            Read::Nothing => {
                self.tell_status()?;
                return Ok(());
            }
            Read::Closed => {
                self.tell_status()?;
                if !std::mem::replace(&mut self.told_closed, true) {
                    self.writer.say(&HostSays::Closed)?;
                }
                return Ok(());
            }
        };
        self.tell_status()?;
        let mut head = BytesMut::new();
        for delivery in &deliveries {
            head.clear();
            carry_delivery(&mut head, delivery);
            self.writer.carry(Kind::Delivery, &head, delivery.v1()).await?;
        }
        self.pushed = next;
        let needed_from = {
            let mut told = self.connection.memory.told();
            told.pushed = next;
            told.needed_from
        };
        self.connection.let_go(needed_from, next);
        Ok(())
    }

    async fn push_all(&mut self) -> Result<(), ProtocolError> {
        let head = self.connection.host.journal.head();
        while self.pushed < head {
            self.push().await?;
        }
        self.push().await
    }

    /// Tells the status when it is another than was told; that something was done just now can wait a little.
    fn tell_status(&mut self) -> Result<(), ProtocolError> {
        let status = self.status.borrow_and_update().clone();
        if let Some(told) = &self.told_status {
            let but_for_activity = KernelStatus {
                last_activity: told.last_activity,
                ..status.clone()
            };
            let can_wait = *told == but_for_activity && self.told_status_at.elapsed() < ACTIVITY_PAUSE;
            if *told == status || can_wait {
                return Ok(());
            }
        }
        self.writer.say(&HostSays::Status {
            status: status.clone(),
        })?;
        self.told_status = Some(status);
        self.told_status_at = Instant::now();
        Ok(())
    }

    /// Tells which requests have ended, once all is told that stands before.
    async fn tell_ends(&mut self, processes: u64) -> Result<(), ProtocolError> {
        let executions = self.connection.host.journal.executions();
        self.push_all().await?;
        let ended = |execution: Execution| Some((execution.msg_id, execution.ended?));
        let requests = executions.into_iter().filter_map(ended).collect();
        self.writer.say(&HostSays::Ended { requests })?;
        self.told_ends = Some(processes);
        Ok(())
    }

    async fn answer_fetch(&mut self, id: u64, from: Position) -> Result<(), ProtocolError> {
        let journal = &self.connection.host.journal;
        let Fetched {
            deliveries,
            next,
            missed,
        } = match journal.read_all(from) {
            Read::Deliveries { deliveries, next } => Fetched {
                deliveries,
                next,
                missed: 0,
            },
            Read::Behind(behind) => behind.fetch().await,
            Read::Missed { missed, next } => Fetched {
                deliveries: Vec::new(),
                next,
                missed,
            },
            // It asks for what was not said yet, because another host before this one said more.
            Read::Nothing | Read::Closed => Fetched::missed(from, from.next()),
        };
        let mut head = BytesMut::new();
        for delivery in &deliveries {
            head.clear();
            carry_fetched(&mut head, id, delivery);
            self.writer.carry(Kind::Fetched, &head, delivery.v1()).await?;
        }
        self.writer.say(&HostSays::Fetched { id, next, missed })
    }

    fn tell_taken(&mut self, first: Channel) -> Result<(), ProtocolError> {
        let mut counts = MessageCounts::default();
        let mut taken = Some(first);
        while let Some(channel) = taken {
            counts.add(channel);
            taken = self.asked.taking.try_recv().ok();
        }
        self.writer.say(&HostSays::Taken(counts))
    }
}

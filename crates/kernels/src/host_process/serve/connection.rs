//! One server, from when it has proven who it is until it goes: what the kernel says is pushed to it as fast as it
//! reads, and what it says is done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::warn;
use wire::{Channel, Frame as WireFrame, Subprotocol};

use super::log::Log;
use crate::{
    ClientId, KernelStatus, Position,
    attachment::ClientPosition,
    host::{
        HostHandle,
        handle::{Asker, HostGone, Room, Taken, Upward},
        journal::{Execution, Fetched, News, Read},
    },
    host_process::protocol::{
        Attached, Carried, Command, Failure, Frame, FrameReader, FrameWriter, HostSays, Kind, ProtocolError,
        ServerSays, TakenCounts, carry_delivery, carry_fetched, message,
    },
};

/// How long news of the kernel's last activity may wait when nothing else is said.
const ACTIVITY_PAUSE: Duration = Duration::from_millis(5);

/// Why a server is served no longer.
pub(super) enum Left {
    /// It says that nobody needs this host.
    Released,
    /// It is gone, or said what nobody understands.
    Lost(ProtocolError),
}

/// What the host remembers from one server to the next.
pub(super) struct Memory {
    setup: serde_json::Value,
    /// A plain mutex, never held across an await.
    told: Mutex<Told>,
}

/// What servers have told, and were told.
#[derive(Default)]
struct Told {
    clients: HashMap<ClientId, ClientPosition>,
    needed_from: Option<Position>,
    /// Deliveries before this one were pushed.
    pushed: Position,
}

impl Memory {
    pub(super) fn new(setup: serde_json::Value) -> Self {
        Self {
            setup,
            told: Mutex::default(),
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that is connected.
pub(super) struct Connection {
    host: Arc<HostHandle>,
    memory: Arc<Memory>,
    log: Arc<Log>,
}

/// What the reading half has for the writing half.
struct Outlet {
    answers: mpsc::UnboundedSender<HostSays>,
    fetches: mpsc::UnboundedSender<(u64, Position)>,
    taken: mpsc::UnboundedSender<Channel>,
}

impl Connection {
    pub(super) fn new(host: Arc<HostHandle>, memory: Arc<Memory>, log: Arc<Log>) -> Self {
        Self { host, memory, log }
    }

    /// Serves it until it goes.
    pub(super) async fn serve(
        self,
        mut reader: FrameReader,
        writer: FrameWriter,
        from: Option<Position>,
    ) -> Left {
        let (answers, said) = mpsc::unbounded_channel();
        let (fetches, fetching) = mpsc::unbounded_channel();
        let (taken, taking) = mpsc::unbounded_channel();
        let outlet = Outlet {
            answers,
            fetches,
            taken,
        };
        let pump = Pump {
            writer,
            said,
            fetching,
            taking,
            news: self.host.journal.news(),
            status: self.host.status.clone(),
            pushed: from.unwrap_or_else(|| self.host.journal.head()),
            told_status: None,
            told_status_at: Instant::now(),
            told_closed: false,
            connection: &self,
        };
        tokio::select! {
            left = self.listen(&mut reader, &outlet) => left,
            lost = pump.run() => Left::Lost(lost),
        }
    }

    async fn listen(&self, reader: &mut FrameReader, outlet: &Outlet) -> Left {
        loop {
            let heard = match reader.next().await {
                Ok(frame) => self.hear(frame, outlet).await,
                Err(error) => Err(error),
            };
            match heard {
                Ok(Some(left)) => return left,
                Ok(None) => {}
                Err(error) => return Left::Lost(error),
            }
        }
    }

    async fn hear(&self, frame: Frame, outlet: &Outlet) -> Result<Option<Left>, ProtocolError> {
        match frame.kind {
            Kind::Message => self.pass_on(message(frame.body)?, outlet).await?,
            Kind::Control => {
                let says = serde_json::from_slice(&frame.body).map_err(ProtocolError::bad)?;
                return Ok(self.obey(says, outlet));
            }
            Kind::Delivery | Kind::Fetched | Kind::Unknown => {}
        }
        Ok(None)
    }

    async fn pass_on(&self, carried: Carried, outlet: &Outlet) -> Result<(), ProtocolError> {
        let Carried { client, msg_id, v1 } = carried;
        let message = Subprotocol::V1
            .decode(WireFrame::Binary(v1))
            .map_err(ProtocolError::bad)?;
        if let Some(execution) = Execution::of(&client, &msg_id, &message) {
            self.host.journal.note_execution(execution);
        }
        let taken = Taken {
            channel: message.channel,
            told: outlet.taken.clone(),
        };
        let upward = Upward {
            from: Asker::Client(client),
            msg_id,
            message,
            room: Some(Room::AtServer { _taken: taken }),
        };
        if self.host.pass_on(upward).await.is_err() {
            warn!("a message came for a kernel that is gone");
        }
        Ok(())
    }

    fn obey(&self, says: ServerSays, outlet: &Outlet) -> Option<Left> {
        match says {
            ServerSays::Command { id, command } => {
                // Carrying it out may take long, and others must not wait for it.
                let (host, answers) = (self.host.clone(), outlet.answers.clone());
                tokio::spawn(async move {
                    let failure = carry_out(&host, command).await;
                    // A server that is gone needs no answer.
                    let _gone = answers.send(HostSays::Answer { id, failure });
                });
            }
            ServerSays::Keep {
                needed_from,
                clients,
                forgotten,
            } => self.keep(needed_from, clients, &forgotten),
            ServerSays::Fetch { id, from } => {
                // The other half ends only together with this one.
                let _ended = outlet.fetches.send((id, from));
            }
            ServerSays::Release => return Some(Left::Released),
            ServerSays::Unknown => {}
        }
        None
    }

    fn keep(&self, needed_from: Option<Position>, clients: Vec<ClientPosition>, forgotten: &[ClientId]) {
        let mut told = self.memory.told();
        told.needed_from = needed_from;
        for client in forgotten {
            told.clients.remove(client);
        }
        for client in clients {
            told.clients.insert(client.client.clone(), client);
        }
        let pushed = told.pushed;
        drop(told);
        self.let_go(needed_from, pushed);
    }

    /// What was not pushed yet is needed too: the server knows best who waits for it.
    fn let_go(&self, needed_from: Option<Position>, pushed: Position) {
        let needed_from = needed_from.map_or(pushed, |needed_from| needed_from.min(pushed));
        self.host.journal.keep(Some(needed_from));
    }
}

async fn carry_out(host: &HostHandle, command: Command) -> Option<Failure> {
    let carried_out = match command {
        Command::Interrupt => host.interrupt().await,
        Command::Restart => host.restart().await,
        Command::Shutdown => host.shutdown().await.map(Ok),
    };
    match carried_out {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Failure::from(&error)),
        Err(HostGone) => Some(Failure::Gone),
    }
}

/// The writing half.
struct Pump<'a> {
    writer: FrameWriter,
    said: mpsc::UnboundedReceiver<HostSays>,
    fetching: mpsc::UnboundedReceiver<(u64, Position)>,
    taking: mpsc::UnboundedReceiver<Channel>,
    news: watch::Receiver<News>,
    status: watch::Receiver<KernelStatus>,
    /// Deliveries before this one are written.
    pushed: Position,
    told_status: Option<KernelStatus>,
    told_status_at: Instant,
    told_closed: bool,
    connection: &'a Connection,
}

/// What there is to write.
enum Due {
    Say(HostSays),
    Fetch(u64, Position),
    Taken(Channel),
    /// Deliveries, or the status, or the log.
    News,
}

impl Pump<'_> {
    async fn run(mut self) -> ProtocolError {
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
            let sent_until = told.pushed;
            told.pushed = self.pushed;
            Attached {
                status: self.status.borrow_and_update().clone(),
                next: self.pushed,
                sent_until,
                clients: told.clients.values().cloned().collect(),
                requests: journal.requests(),
                executions: journal.executions(),
                setup: self.connection.memory.setup.clone(),
            }
        };
        self.told_status = Some(attached.status.clone());
        self.writer.say(&HostSays::Attached(Box::new(attached)))?;
        self.writer.flush().await
    }

    /// Waits until there is something to write.
    async fn due(&mut self) -> Due {
        let (pushed, told_closed) = (self.pushed, self.told_closed);
        let is_news = |news: &News| news.head > pushed || (news.closed && !told_closed);
        let activity_waits = self
            .told_status
            .as_ref()
            .is_none_or(|told| *told != *self.status.borrow());
        tokio::select! {
            Some(says) = self.said.recv() => Due::Say(says),
            Some((id, from)) = self.fetching.recv() => Due::Fetch(id, from),
            Some(channel) = self.taking.recv() => Due::Taken(channel),
            // Neither sender is dropped before the host ends.
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
        let mut counts = TakenCounts::default();
        let mut taken = Some(first);
        while let Some(channel) = taken {
            counts.add(channel);
            taken = self.taking.try_recv().ok();
        }
        self.writer.say(&HostSays::Taken(counts))
    }
}

//! One server, from when it has proven who it is until it goes: what it says is done, and the [`Pump`] tells it what
//! the kernel says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::mpsc;
use tracing::warn;
use wire::{Frame as WireFrame, Subprotocol};

use super::{
    log::Log,
    pump::{Asked, Pump},
};
use crate::{
    ClientId, Position,
    attachment::ClientPosition,
    host::{
        HostHandle,
        handle::{Asker, HostGone, Room, Upward},
        journal::Execution,
        taken::OnTheirWay,
    },
    host_process::{
        protocol::{
            Carried, Command, Failure, Frame, FrameReader, FrameWriter, HostSays, Kind, MessageCounts,
            ProtocolError, ServerSays, Wanted, message,
        },
        setup::Setup,
    },
    launch::ChangedVariables,
};

/// Why a server is served no longer.
pub(super) enum Left {
    /// It says that nobody needs this host.
    Released,
    /// It is gone, or said what nobody understands.
    Lost(ProtocolError),
}

/// What the host remembers from one server to the next.
pub(super) struct Memory {
    setup: Setup,
    on_their_way: OnTheirWay,
    /// A plain mutex, never held across an await.
    told: Mutex<Told>,
}

/// What servers have told, and were told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) clients: HashMap<ClientId, ClientPosition>,
    pub(super) needed_from: Option<Position>,
    /// Deliveries before this one were pushed.
    pub(super) pushed: Position,
}

impl Memory {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            on_their_way: OnTheirWay::default(),
            told: Mutex::default(),
        }
    }

    /// What a host in place of this one would be made from.
    pub(super) fn setup_now(&self, changed: &ChangedVariables) -> serde_json::Value {
        let mut setup = self.setup.clone();
        setup.plan.change_variables(changed.all());
        serde_json::to_value(setup).unwrap_or_default()
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that is connected.
pub(super) struct Connection {
    pub(super) host: Arc<HostHandle>,
    pub(super) memory: Arc<Memory>,
    pub(super) log: Arc<Log>,
}

/// What the reading half has for the writing half.
struct Outlet {
    answers: mpsc::UnboundedSender<HostSays>,
    fetches: mpsc::UnboundedSender<(u64, Position)>,
}

impl Connection {
    pub(super) fn new(host: Arc<HostHandle>, memory: Arc<Memory>, log: Arc<Log>) -> Self {
        Self { host, memory, log }
    }

    /// Serves it until it goes.
    pub(super) async fn serve(self, mut reader: FrameReader, writer: FrameWriter, wanted: Wanted) -> Left {
        let (answers, said) = mpsc::unbounded_channel();
        let (fetches, fetching) = mpsc::unbounded_channel();
        let (taken, taking) = mpsc::unbounded_channel();
        let outlet = Outlet { answers, fetches };
        let queued = self.memory.on_their_way.tell(taken);
        let asked = Asked {
            said,
            fetching,
            taking,
            queued: MessageCounts {
                shell: queued.shell,
                control: queued.control,
                stdin: queued.stdin,
            },
        };
        let pump = Pump::new(&self, writer, asked, wanted);
        tokio::select! {
            left = self.listen(&mut reader, &outlet) => left,
            lost = pump.run() => Left::Lost(lost),
        }
    }

    async fn listen(&self, reader: &mut FrameReader, outlet: &Outlet) -> Left {
        loop {
            let heard = match reader.next().await {
                Ok(frame) => self.hear(frame, outlet),
                Err(error) => Err(error),
            };
            match heard {
                Ok(Some(left)) => return left,
                Ok(None) => {}
                Err(error) => return Left::Lost(error),
            }
        }
    }

    /// Never waits: behind a message for the kernel may come the news that it is to be interrupted.
    fn hear(&self, frame: Frame, outlet: &Outlet) -> Result<Option<Left>, ProtocolError> {
        match frame.kind {
            Kind::Message => self.pass_on(message(frame.body)?)?,
            Kind::Control => {
                let says = serde_json::from_slice(&frame.body).map_err(ProtocolError::bad)?;
                return Ok(self.obey(says, outlet));
            }
            Kind::Delivery | Kind::Fetched | Kind::Unknown => {}
        }
        Ok(None)
    }

    fn pass_on(&self, carried: Carried) -> Result<(), ProtocolError> {
        let Carried { client, msg_id, v1 } = carried;
        let message = Subprotocol::V1
            .decode(WireFrame::Binary(v1))
            .map_err(ProtocolError::bad)?;
        if let Some(execution) = Execution::of(&client, &msg_id, &message) {
            self.host.journal.note_execution(execution);
        }
        let taken = self.memory.on_their_way.add(message.channel);
        let upward = Upward {
            from: Asker::Client(client),
            msg_id,
            message,
            room: Some(Room::AtServer { _taken: taken }),
            place: None,
        };
        if self.host.pass_on(upward).is_err() {
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
            ServerSays::Measure { id } => {
                let (host, answers) = (self.host.clone(), outlet.answers.clone());
                tokio::spawn(async move {
                    // What was measured just now the meter gives again.
                    let usage = host.gauge.measure(Duration::ZERO).await;
                    // A server that is gone needs no answer.
                    let _gone = answers.send(HostSays::Usage { id, usage });
                });
            }
            ServerSays::ChangeVariables { variables } => self.host.variables.change(variables),
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
    pub(super) fn let_go(&self, needed_from: Option<Position>, pushed: Position) {
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

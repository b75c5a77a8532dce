//! From the server to the host: clients' messages, commands, questions, and what is needed no longer.

use std::{collections::HashMap, time::Duration};

use bytes::BytesMut;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use wire::{Channel, encode_v1};

use super::{
    Queues,
    shared::{Abandoned, Shared},
};
use crate::{
    ClientId, Phase,
    attachment::ClientPosition,
    host::{
        handle::{Asker, Command, Upward},
        journal::Fetch,
    },
    host_process::protocol::{self, FrameWriter, Kind, ProtocolError, ServerSays, carry_message},
    usage::AskHost,
};

/// How long news of how far clients are may wait. After a server is killed, its successor goes by the last.
const KEEP_PAUSE: Duration = Duration::from_millis(20);

/// What there is to write, from wherever it comes. Outlives connections.
pub(super) struct Inlets {
    lanes: Queues,
    commands: mpsc::Receiver<Command>,
    fetches: mpsc::UnboundedReceiver<Fetch>,
    measures: mpsc::Receiver<AskHost>,
    /// How far the host knows clients to be.
    told: HashMap<ClientId, ClientPosition>,
    /// Variables that the host knows.
    told_variables: Vec<(String, String)>,
    /// When the host is to be told what is needed.
    keep_at: Option<Instant>,
    released: bool,
}

/// Something to write.
enum Due {
    Message(Box<Upward>),
    Command(Command),
    Fetch(Fetch),
    Measure(AskHost),
    Keep,
    /// Something has changed; look again.
    Again,
}

impl Inlets {
    pub(super) fn new(
        lanes: Queues,
        commands: mpsc::Receiver<Command>,
        fetches: mpsc::UnboundedReceiver<Fetch>,
        measures: mpsc::Receiver<AskHost>,
    ) -> Self {
        Self {
            lanes,
            commands,
            fetches,
            measures,
            told: HashMap::new(),
            told_variables: Vec::new(),
            keep_at: None,
            released: false,
        }
    }

    /// Whether the host was told that nobody needs it.
    pub(super) fn has_released(&self) -> bool {
        self.released
    }

    /// Throws away what is queued for a kernel that is gone, and tells its ids.
    pub(super) fn discard(&mut self) -> Vec<Box<str>> {
        let lanes = [
            &mut self.lanes.shell,
            &mut self.lanes.control,
            &mut self.lanes.stdin,
        ];
        let queued = |lane: &mut mpsc::UnboundedReceiver<Upward>| {
            std::iter::from_fn(|| lane.try_recv().ok())
                .map(|upward| upward.msg_id)
                .collect::<Vec<_>>()
        };
        lanes.into_iter().flat_map(queued).collect()
    }

    /// Writes until the connection breaks. What is `open` was asked before, on another connection.
    pub(super) async fn write(
        &mut self,
        shared: &Shared,
        writer: &mut FrameWriter,
        open: Abandoned,
    ) -> ProtocolError {
        match self.try_write(shared, writer, open).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn try_write(
        &mut self,
        shared: &Shared,
        writer: &mut FrameWriter,
        open: Abandoned,
    ) -> Result<std::convert::Infallible, ProtocolError> {
        self.told.clear();
        self.told_variables.clear();
        self.tell_variables(shared, writer)?;
        self.keep(shared, writer)?;
        let Abandoned { fetches, shutdowns } = open;
        for fetch in fetches {
            ask(shared, writer, fetch)?;
        }
        for done in shutdowns {
            tell(shared, writer, Command::Shutdown { done })?;
        }
        loop {
            writer.flush().await?;
            let due = self.due(shared).await;
            // Before a command that may start the next process.
            self.tell_variables(shared, writer)?;
            match due {
                Due::Message(upward) => pass_on(shared, writer, *upward).await?,
                Due::Command(Command::Settle { done }) => {
                    self.keep(shared, writer)?;
                    writer.flush().await?;
                    // Whoever asked may have gone.
                    let _asker = done.send(());
                }
                Due::Command(command) => tell(shared, writer, command)?,
                Due::Fetch(fetch) => ask(shared, writer, fetch)?,
                Due::Measure(asker) => measure(shared, writer, asker)?,
                Due::Keep => self.keep(shared, writer)?,
                Due::Again => {}
            }
        }
    }

    async fn due(&mut self, shared: &Shared) -> Due {
        let Self {
            lanes,
            commands,
            fetches,
            measures,
            keep_at,
            ..
        } = self;
        let keep_due = keep_at.unwrap_or_else(Instant::now);
        tokio::select! {
            Some(upward) = lanes.control.recv(), if shared.has_room(Channel::Control) => Due::Message(upward.into()),
            Some(upward) = lanes.stdin.recv(), if shared.has_room(Channel::Stdin) => Due::Message(upward.into()),
            Some(upward) = lanes.shell.recv(), if shared.has_room(Channel::Shell) => Due::Message(upward.into()),
            Some(command) = commands.recv() => Due::Command(command),
            Some(fetch) = fetches.recv() => Due::Fetch(fetch),
            Some(asker) = measures.recv() => Due::Measure(asker),
            () = shared.room.notified() => Due::Again,
            () = shared.variables.changed() => Due::Again,
            () = shared.journal.kept() => {
                keep_at.get_or_insert_with(|| Instant::now() + KEEP_PAUSE);
                Due::Again
            }
            () = shared.much.notified(), if keep_at.is_some() => Due::Keep,
            () = sleep_until(keep_due), if keep_at.is_some() => Due::Keep,
        }
    }

    fn tell_variables(&mut self, shared: &Shared, writer: &mut FrameWriter) -> Result<(), ProtocolError> {
        let variables = shared.variables.all();
        if variables != self.told_variables {
            self.told_variables.clone_from(&variables);
            writer.say(&ServerSays::ChangeVariables { variables })?;
        }
        Ok(())
    }

    /// Tells what is needed, and how far clients are that have moved.
    fn keep(&mut self, shared: &Shared, writer: &mut FrameWriter) -> Result<(), ProtocolError> {
        self.keep_at = None;
        let Some(clients) = shared.clients.upgrade() else {
            let has_ended = matches!(shared.status.borrow().phase, Phase::Ended(_));
            if has_ended && !std::mem::replace(&mut self.released, true) {
                writer.say(&ServerSays::Release)?;
            }
            return Ok(());
        };
        let mut positions: HashMap<ClientId, ClientPosition> = HashMap::new();
        for position in clients.positions() {
            positions.insert(position.client.clone(), position);
        }
        let moved = positions
            .values()
            .filter(|now| self.told.get(&now.client) != Some(*now));
        let forgotten = self.told.keys().filter(|client| !positions.contains_key(*client));
        writer.say(&ServerSays::Keep {
            needed_from: shared.journal.needed_from(),
            clients: moved.cloned().collect(),
            forgotten: forgotten.cloned().collect(),
        })?;
        self.told = positions;
        Ok(())
    }
}

async fn pass_on(shared: &Shared, writer: &mut FrameWriter, upward: Upward) -> Result<(), ProtocolError> {
    let Upward {
        from,
        msg_id,
        message,
        room,
        place,
    } = upward;
    drop(place);
    // A host asks its own questions.
    let Asker::Client(client) = from else {
        return Ok(());
    };
    let mut head = BytesMut::new();
    carry_message(&mut head, &client, &msg_id);
    shared.note_in_flight(message.channel, room);
    shared.journal.note_sent(&msg_id);
    writer.carry(Kind::Message, &head, &encode_v1(&message)).await
}

fn tell(shared: &Shared, writer: &mut FrameWriter, command: Command) -> Result<(), ProtocolError> {
    let said = match &command {
        Command::Interrupt { .. } => protocol::Command::Interrupt,
        Command::Restart { .. } => protocol::Command::Restart,
        Command::Shutdown { .. } => protocol::Command::Shutdown,
        // Between the server and its own end of the connection.
        Command::Settle { .. } => return Ok(()),
    };
    let id = shared.note_command(command);
    writer.say(&ServerSays::Command { id, command: said })
}

/// A host of an older version is not asked, which whoever asks hears at once.
fn measure(shared: &Shared, writer: &mut FrameWriter, asker: AskHost) -> Result<(), ProtocolError> {
    match shared.note_measure(asker) {
        Some(id) => writer.say(&ServerSays::Measure { id }),
        None => Ok(()),
    }
}

fn ask(shared: &Shared, writer: &mut FrameWriter, fetch: Fetch) -> Result<(), ProtocolError> {
    let from = fetch.from;
    let id = shared.note_fetch(fetch);
    writer.say(&ServerSays::Fetch { id, from })
}

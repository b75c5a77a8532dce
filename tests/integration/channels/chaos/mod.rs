//! Connections that stall, wait and break at any byte, on the way down and on the way up: every output is in its cell
//! once, and in its place.

mod one_client;
mod two_clients;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use test_support::{Fault, Faults, TestClient, TestProxy, TestSocket, request};
use wire::{Channel, Message, Subprotocol};

use super::{is_idle, kind, kinds, parent};
use crate::compatibility::choices::{Choices, seed};

/// How often the connection breaks during one cell at most, each way: then it is let alone, or it might go on for ever.
const CUTS_MAX: u64 = 12;

/// The longest that nothing may come; below the limit of the socket, which does not say where it was.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// What the seeds of a test begin with.
fn first_seed() -> u64 {
    seed().unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0))
}

/// How bad a way is.
#[derive(Clone, Copy)]
struct Weather {
    /// Of so many pieces one is the last of its connection.
    pieces_per_cut: usize,
    /// How long one piece of a cell is held back, at most, if any is.
    stall_ms_max: Option<usize>,
}

/// What to do with what goes one way during a cell, decided by a seed.
fn faults(seed: u64, weather: Weather) -> Faults {
    let mut choices = Choices::of(seed);
    let (mut cuts, mut stall) = (0, weather.stall_ms_max);
    Box::new(move |bytes| match choices.below(weather.pieces_per_cut) {
        0 if cuts < CUTS_MAX => {
            cuts += 1;
            Fault::Cut(choices.below(bytes + 1))
        }
        1 => Fault::Wait(milliseconds(choices.below(stall.take().unwrap_or(60)))),
        2..6 => Fault::Wait(milliseconds(choices.below(3))),
        _ => Fault::None,
    })
}

fn milliseconds(number: usize) -> Duration {
    Duration::from_millis(number as u64)
}

fn no_faults() -> Faults {
    Box::new(|_| Fault::None)
}

/// What a front end has to do with a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It has sent it, answers its questions and waits for the reply.
    Asks,
    /// It looks on.
    Watches,
}

/// A front end: connects again when the connection breaks, and forgets a request that is done.
struct FrontEnd {
    client: TestClient,
    proxy: TestProxy,
    kernel: String,
    session: String,
    subprotocol: Subprotocol,
    socket: Option<TestSocket>,
    connections: u64,
    /// The connection on which it has answered the question of this cell.
    answered_on: Option<u64>,
    answers_given: Vec<String>,
}

impl FrontEnd {
    async fn new(
        server: &test_support::TestServer,
        kernel: &str,
        session: &str,
        subprotocol: Subprotocol,
    ) -> Self {
        let proxy = TestProxy::start(server.server().local_address().unwrap()).await;
        Self {
            client: server.as_owner().through(proxy.address()),
            proxy,
            kernel: kernel.to_owned(),
            session: session.to_owned(),
            subprotocol,
            socket: None,
            connections: 0,
            answered_on: None,
            answers_given: Vec::new(),
        }
    }

    /// The connection there is, or the next that can be made.
    async fn connected(&mut self) -> &mut TestSocket {
        while self.socket.is_none() {
            self.connections += 1;
            self.socket = self
                .client
                .channels_unless_broken(&self.kernel, &self.session, self.subprotocol)
                .await;
        }
        self.socket.as_mut().unwrap()
    }

    /// The next message; `None` when the connection breaks first.
    async fn next(&mut self) -> Option<Message> {
        let next = self.connected().await.next_unless_broken().await;
        let message = next.ok().flatten();
        if message.is_none() {
            self.socket = None;
        }
        message
    }

    /// Sends a cell, on a connection that has not broken already without anybody's knowing.
    async fn ask(&mut self, cell: &Message) {
        self.socket = None;
        self.connected().await.send(cell).await;
    }

    /// Everything about a cell until its end.
    async fn hear(&mut self, cell: &Message, part: Part, mut faults: Option<[Faults; 2]>) -> Vec<Message> {
        let id = cell.header().unwrap().msg_id.to_string();
        let (mut heard, mut idle, mut replied) = (Vec::new(), false, part == Part::Watches);
        let mut is_asked = false;
        self.answered_on = None;
        while !(idle && replied) {
            // An answer that was on its way up when the connection broke may be lost, as all that a front end says then.
            if is_asked && self.answered_on != Some(self.connections) {
                self.answer().await;
            }
            let next = tokio::time::timeout(SILENCE_MAX, self.next()).await;
            let Some(message) = next.unwrap_or_else(|_| {
                let heard = kinds(&heard[heard.len().saturating_sub(20)..]);
                panic!(
                    "the kernel is silent; answers: {:?}, before: {heard:?}",
                    self.answers_given
                )
            }) else {
                self.connected().await;
                continue;
            };
            if parent(&message) != id {
                continue;
            }
            if let Some([down, up]) = faults.take() {
                // The request has arrived.
                self.proxy.change(down, up);
            }
            idle |= is_idle(&message);
            replied |= kind(&message) == "execute_reply";
            is_asked |= kind(&message) == "input_request";
            heard.push(message);
        }
        self.proxy.change(no_faults(), no_faults());
        heard
    }

    /// Answers a question; each time otherwise.
    async fn answer(&mut self) {
        let answer = format!("{}-{}", self.session, self.answers_given.len());
        let content = json!({ "value": answer });
        let reply = request(Channel::Stdin, "input_reply", &self.session, &content);
        self.answers_given.push(answer);
        let sent = self.connected().await.send_unless_broken(&reply).await;
        self.answered_on = Some(self.connections);
        if sent.is_err() {
            self.socket = None;
        }
    }
}

/// A message comes twice only where that is said: outputs after a `clear_output`, and what is shown nowhere.
fn assert_no_unexpected_duplicates(heard: &[Message], seed: u64) {
    let mut seen = HashSet::new();
    for message in heard {
        match kind(message).as_str() {
            // The server's own has no buffers and another id each time; the kernel's is one of its outputs.
            "clear_output" => seen.clear(),
            "stream" | "display_data" | "update_display_data" | "execute_result" => assert!(
                seen.insert(message.header().unwrap().msg_id.to_string()),
                "an output came twice, ADRASTEA_TEST_SEED={seed}"
            ),
            _ => {}
        }
    }
}

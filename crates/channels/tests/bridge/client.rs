//! A client without a WebSocket: two queues.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use channels::{
    Class, Client as ClientEnd, ClientGone, Closed, Filters, Incoming, Limits, Outgoing, Permissions,
    Refusal, bridge,
};
use futures::{SinkExt, StreamExt, channel::mpsc};
use kernels::{ClientId, Kernel};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use wire::{Channel, Frame, Message, NewHeader, Subprotocol};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Makes the ids of all clients' requests different.
static REQUESTS: AtomicU32 = AtomicU32::new(0);

/// Messages a client can be behind before the server must wait for it.
const QUEUED_MAX: usize = 64;

/// What is not allowed, and whether that has just changed.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    pub(crate) forbids_execution: Arc<AtomicBool>,
    pub(crate) changed: Arc<AtomicBool>,
}

impl Rules {
    pub(crate) fn forbid_execution(&self, forbid: bool) {
        self.forbids_execution.store(forbid, Ordering::SeqCst);
        self.changed.store(true, Ordering::SeqCst);
    }
}

impl Permissions for Rules {
    async fn check(&self, class: Class) -> Result<(), Refusal> {
        match class {
            Class::Execute | Class::Control if self.forbids_execution.load(Ordering::SeqCst) => {
                Err(Refusal("you may only look".to_owned()))
            }
            Class::Query | Class::Execute | Class::Control => Ok(()),
        }
    }

    fn changed(&mut self) -> bool {
        self.changed.swap(false, Ordering::SeqCst)
    }
}

/// A client and the bridge to its kernel.
pub(crate) struct Client {
    subprotocol: Subprotocol,
    up: mpsc::Sender<Result<Incoming, ClientGone>>,
    pub(crate) down: mpsc::Receiver<Outgoing>,
    stop: watch::Sender<bool>,
    bridge: JoinHandle<Closed>,
    /// Whether it answers pings.
    pub(crate) answers_pings: bool,
}

/// How a client connects; the defaults are a browser's.
pub(crate) struct Connect {
    pub(crate) client: &'static str,
    pub(crate) subprotocol: Subprotocol,
    pub(crate) rules: Rules,
    pub(crate) limits: Limits,
    pub(crate) filters: Filters,
}

impl Default for Connect {
    fn default() -> Self {
        Self {
            client: "a",
            subprotocol: Subprotocol::V1,
            rules: Rules::default(),
            limits: Limits::default(),
            filters: Filters::default(),
        }
    }
}

impl Client {
    pub(crate) fn connect(kernel: &Kernel) -> Self {
        Self::connect_as(kernel, Connect::default())
    }

    pub(crate) fn connect_as(kernel: &Kernel, connect: Connect) -> Self {
        let Connect {
            client,
            subprotocol,
            rules,
            limits,
            filters,
        } = connect;
        let (up, mut incoming) = mpsc::channel(QUEUED_MAX);
        let (outgoing, down) = mpsc::channel::<Outgoing>(QUEUED_MAX);
        let (stop, mut stopped) = watch::channel(false);
        let attachment = kernel.attach(ClientId::new(client));
        let kernel = kernel.clone();
        let bridge = tokio::spawn(async move {
            let mut outgoing = outgoing.sink_map_err(|_| ClientGone);
            let client = ClientEnd {
                outgoing: &mut outgoing,
                incoming: &mut incoming,
                subprotocol,
                limits,
                filters: &filters,
            };
            let stop = async {
                if stopped.wait_for(|stop| *stop).await.is_err() {
                    std::future::pending::<()>().await;
                }
                Closed::Revoked
            };
            bridge(client, &kernel, attachment, rules, stop).await
        });
        Self {
            subprotocol,
            up,
            down,
            stop,
            bridge,
            answers_pings: true,
        }
    }

    /// Sends a request; its id is returned.
    pub(crate) async fn request(&mut self, channel: Channel, msg_type: &str, content: &Value) -> String {
        let msg_id = format!("request-{}", REQUESTS.fetch_add(1, Ordering::SeqCst));
        self.ask(channel, msg_type, &msg_id, content).await;
        msg_id
    }

    /// Sends a request that has this id.
    pub(crate) async fn ask(&mut self, channel: Channel, msg_type: &str, msg_id: &str, content: &Value) {
        let header = NewHeader {
            msg_id,
            msg_type,
            session: "client",
            username: "",
            date: "",
        };
        let message = Message::new(channel, header, None, content);
        self.send(Incoming::Frame(self.subprotocol.encode(&message).unwrap()))
            .await;
    }

    pub(crate) async fn execute(&mut self, code: &str) -> String {
        let content = json!({"code": code, "allow_stdin": true});
        self.request(Channel::Shell, "execute_request", &content).await
    }

    pub(crate) async fn send(&mut self, incoming: Incoming) {
        self.up.send(Ok(incoming)).await.unwrap();
    }

    /// The next message; pings are answered as a browser does.
    pub(crate) async fn hear(&mut self) -> Message {
        loop {
            match self.hear_anything().await {
                Outgoing::Frame(frame) => return self.subprotocol.decode(frame).unwrap(),
                Outgoing::Ping(carried) if self.answers_pings => self.send(Incoming::Pong(carried)).await,
                Outgoing::Ping(_) => {}
            }
        }
    }

    async fn hear_anything(&mut self) -> Outgoing {
        timeout(TIMEOUT, self.down.next())
            .await
            .expect("in time")
            .expect("connected")
    }

    /// Confirms what it has heard so far; what it hears from here on it does not. Returns when the server knows.
    pub(crate) async fn confirm_once(&mut self, channel: Channel) {
        let carried = loop {
            if let Outgoing::Ping(carried) = self.hear_anything().await {
                break carried;
            }
        };
        self.answers_pings = false;
        self.send(Incoming::Pong(carried)).await;
        let msg_id = self.request(channel, "kernel_info_request", &json!({})).await;
        self.hear_answers(&msg_id).await;
    }

    /// The messages that answer a request, until its reply and its idle are there.
    pub(crate) async fn hear_answers(&mut self, msg_id: &str) -> Vec<Answer> {
        let (mut answers, mut replied, mut idle) = (Vec::new(), false, false);
        while !(replied && idle) {
            let answer = Answer::of(&self.hear().await);
            if answer.parent == msg_id {
                replied |= answer.msg_type.ends_with("_reply");
                idle |= answer.content["execution_state"] == "idle";
                answers.push(answer);
            }
        }
        answers
    }

    /// Runs a cell to its end.
    pub(crate) async fn run(&mut self, code: &str) -> Vec<Answer> {
        let msg_id = self.execute(code).await;
        self.hear_answers(&msg_id).await
    }

    /// The client leaves; all that was sent to it is lost.
    pub(crate) async fn leave(self) -> Closed {
        drop((self.up, self.down));
        timeout(TIMEOUT, self.bridge).await.unwrap().unwrap()
    }

    /// The client sends no more, and leaves.
    pub(crate) async fn leave_after_all_is_read(self) -> Closed {
        drop(self.up);
        timeout(TIMEOUT, self.bridge).await.unwrap().unwrap()
    }

    /// Somebody outside ends the connection.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// How the bridge ends by itself; what it still sends is read.
    pub(crate) async fn closed(mut self) -> Closed {
        let draining = async { while self.down.next().await.is_some() {} };
        let (closed, ()) = tokio::join!(self.bridge, draining);
        closed.unwrap()
    }
}

/// A message, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) channel: Channel,
    pub(crate) msg_type: String,
    pub(crate) parent: String,
    pub(crate) session: String,
    pub(crate) content: Value,
}

impl Answer {
    pub(crate) fn of(message: &Message) -> Self {
        let header = message.header().unwrap();
        Self {
            channel: message.channel,
            msg_type: header.msg_type.to_string(),
            parent: message
                .parent()
                .unwrap()
                .map(|parent| parent.msg_id.to_string())
                .unwrap_or_default(),
            session: header.session.to_string(),
            content: serde_json::from_slice(&message.content).unwrap(),
        }
    }
}

/// The text of all streams, joined.
pub(crate) fn text(answers: &[Answer]) -> String {
    answers
        .iter()
        .filter(|answer| answer.msg_type == "stream")
        .map(|answer| answer.content["text"].as_str().unwrap())
        .collect()
}

/// What stands in the cell after these answers to one request.
pub(crate) fn shown(answers: &[Answer]) -> String {
    let (mut shown, mut is_cleared_by_next) = (String::new(), false);
    for answer in answers {
        match answer.msg_type.as_str() {
            "clear_output" => is_cleared_by_next = true,
            "stream" => {
                if std::mem::take(&mut is_cleared_by_next) {
                    shown.clear();
                }
                shown.push_str(answer.content["text"].as_str().unwrap());
            }
            _ => {}
        }
    }
    shown
}

/// A frame that is no message.
pub(crate) fn noise() -> Incoming {
    Incoming::Frame(Frame::Binary(vec![7; 40].into()))
}

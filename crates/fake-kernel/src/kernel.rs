//! The kernel: its loops, and what ends it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use wire::Signer;

use crate::{
    Connection, FakeKernelError,
    execute::Executor,
    hostile,
    requests::{Answered, answer},
    sockets::{IOPUB_QUEUE_MESSAGES_MAX, Router, Sockets, run_heartbeat, run_iopub},
    speaker::Speaker,
};

/// A synthetic kernel whose sockets are bound.
pub struct FakeKernel {
    sockets: Sockets,
    signer: Signer,
    interrupt: Interrupt,
    hears_subscriptions_after: Duration,
    /// What listens in place of the iopub socket, and where that is, if it may turn hostile.
    before_iopub: Option<(TcpListener, SocketAddr)>,
}

/// Why a kernel's service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to shut down, and answered.
    ShutDown,
    /// A cell said `exit CODE`.
    Exit(i32),
}

/// Counts interrupts; a running cell ends when the count changes.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Sender<u64>);

impl Interrupt {
    /// Interrupts the running cell; an idle kernel does not mind.
    pub fn interrupt(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl FakeKernel {
    /// Binds the five sockets.
    ///
    /// # Errors
    /// When one cannot be bound, or the signature scheme is unknown.
    pub async fn bind(connection: &Connection) -> Result<Self, FakeKernelError> {
        let signer = Signer::new(&connection.signature_scheme, connection.key.as_bytes())?;
        let sockets = Sockets::bind(connection).await?;
        Ok(Self {
            sockets,
            signer,
            interrupt: Interrupt(watch::Sender::new(0)),
            hears_subscriptions_after: Duration::ZERO,
            before_iopub: None,
        })
    }

    /// The same, of a kernel whose cells may say `hostile …`. Over TCP only.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn bind_hostile(connection: &Connection) -> Result<Self, FakeKernelError> {
        let address = format!("{}:{}", connection.ip, connection.iopub_port);
        let bound = async {
            let listener = TcpListener::bind(&address).await?;
            // Free again for the iopub socket.
            let inner = TcpListener::bind((connection.ip.as_str(), 0))
                .await?
                .local_addr()?;
            Ok((listener, inner))
        };
        let (listener, inner) = bound
            .await
            .map_err(|source: std::io::Error| FakeKernelError::Bind {
                endpoint: address.clone(),
                source: Box::new(source.into()),
            })?;
        let behind = Connection {
            iopub_port: inner.port(),
            ..connection.clone()
        };
        Ok(Self {
            before_iopub: Some((listener, inner)),
            ..Self::bind(&behind).await?
        })
    }

    /// Hears of subscriptions only after this time, as a busy kernel may: it answers already, and what it says on
    /// iopub goes to nobody.
    #[must_use]
    pub fn hearing_subscriptions_after(mut self, time: Duration) -> Self {
        self.hears_subscriptions_after = time;
        self
    }

    /// A handle that interrupts this kernel, as SIGINT does to the program.
    #[must_use]
    pub fn interrupt_handle(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Answers until it is shut down or a cell says `exit`. Dropping the future is `kill -9`.
    pub async fn serve(self) -> Ended {
        let Sockets {
            shell,
            control,
            stdin,
            iopub,
            heartbeat,
        } = self.sockets;
        let (iopub_sender, iopub_queue) = mpsc::channel(IOPUB_QUEUE_MESSAGES_MAX);
        let speaker = Arc::new(Speaker::new(self.signer, iopub_sender));
        let welcome_speaker = Arc::clone(&speaker);
        let welcome = move |topic: &Bytes| {
            let content = json!({"subscription": String::from_utf8_lossy(topic)}).to_string();
            let empty = Bytes::from_static(b"{}");
            let message =
                welcome_speaker.message(wire::Channel::Iopub, "iopub_welcome", &empty, content.into());
            welcome_speaker.frames([topic.clone()], message)
        };
        speaker.status("starting", &Bytes::from_static(b"{}")).await;

        let iopub = async {
            let iopub = run_iopub(iopub, iopub_queue, self.hears_subscriptions_after, welcome);
            match self.before_iopub {
                Some((listener, inner)) => tokio::select! {
                    () = iopub => {},
                    () = hostile::pass_on(listener, inner, speaker.hostility()) => {},
                },
                None => iopub.await,
            }
        };
        let mut shell_executor = Executor::new(Arc::clone(&speaker), stdin, &self.interrupt);
        let ended = tokio::select! {
            () = iopub => Ended::ShutDown,
            () = run_heartbeat(heartbeat) => Ended::ShutDown,
            ended = run_requests(shell, &speaker, &self.interrupt, Some(&mut shell_executor)) => ended,
            ended = run_requests(control, &speaker, &self.interrupt, None) => ended,
        };
        ended
    }
}

/// Answers the requests of one channel, one after the other.
async fn run_requests(
    router: Router,
    speaker: &Speaker,
    interrupt: &Interrupt,
    mut executor: Option<&mut Executor>,
) -> Ended {
    let Router {
        mut requests,
        mut replies,
    } = router;
    while let Some(request) = requests.next(speaker.signer()).await {
        match answer(
            &request,
            speaker,
            interrupt,
            executor.as_deref_mut(),
            &mut replies,
        )
        .await
        {
            Answered::GoOn => {}
            Answered::End(ended) => return ended,
        }
    }
    Ended::ShutDown
}

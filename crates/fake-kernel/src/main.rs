//! `fake-kernel {connection_file} [--may-turn-hostile]`: the fake kernel as a program, for kernelspecs.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use fake_kernel::{Connection, Ended, FakeKernel, FakeKernelError, MAY_TURN_HOSTILE};
use tokio::signal::unix::{SignalKind, signal};

/// How often it looks whether its parent still lives; an orphan ends, as ipykernel does.
const PARENT_POLL: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "a kernel's stderr is its log")]
async fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: fake-kernel CONNECTION_FILE [{MAY_TURN_HOSTILE}]");
        return ExitCode::from(2);
    };
    match run(path).await {
        Ok(Ended::ShutDown) => ExitCode::SUCCESS,
        // What a process can say is one byte.
        Ok(Ended::Exit(code)) => std::process::exit(code),
        Err(error) => {
            eprintln!("fake-kernel: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(path: PathBuf) -> Result<Ended, FakeKernelError> {
    // Taken before the sockets exist: an interrupt must never kill.
    let interrupts = signal(SignalKind::interrupt());
    let connection = Connection::read(&path)?;
    let kernel = match std::env::args().any(|argument| argument == MAY_TURN_HOSTILE) {
        true => FakeKernel::bind_hostile(&connection).await?,
        false => FakeKernel::bind(&connection).await?,
    };
    let interrupt = kernel.interrupt_handle();
    tokio::spawn(async move {
        let Ok(mut interrupts) = interrupts else { return };
        while interrupts.recv().await.is_some() {
            interrupt.interrupt();
        }
    });
    Ok(tokio::select! {
        ended = kernel.serve() => ended,
        () = orphaned() => Ended::ShutDown,
    })
}

async fn orphaned() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(PARENT_POLL).await;
    }
}

use std::{
    path::{Path, PathBuf},
    process::Child,
};

use jiff::Timestamp;
use serde_json::json;
use store::Store;
use tokio::net::UnixListener;
use wire::{Channel, Message, NewHeader};

use super::*;
use crate::{
    ClientId, ConnectionFile, Ended, ExecutionState, KernelStatus, KernelsConfig, Phase, Transport,
    addresses::Addresses,
    host::journal::Execution,
    host_process::{
        protocol::{
            Attached, Command, FrameReader, FrameWriter, HostSays, Kind, MessageCounts, ServerSays,
            frame_bytes_max, greet_server, message, split, unproven_bytes_max,
        },
        socket_path,
    },
};

/// What a server knows of a host, and a test that is this host.
struct Scene {
    directory: tempfile::TempDir,
    config: KernelsConfig,
    spawning: Spawning,
    record: HostRecord,
    /// What the host says when a server comes.
    queued: MessageCounts,
}

impl Scene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = KernelsConfig::new(directory.path().into(), directory.path().into());
        let spawning = Spawning {
            program: "/none".into(),
            hosts_dir: directory.path().into(),
            ipc_dir: config.ipc_dir(),
            orphan_timeout: config.orphan_timeout,
            registry: Registry::new(Some(Store::in_memory().unwrap())),
        };
        let record = HostRecord {
            kernel_id: KernelId::random(),
            name: "python3".into(),
            directory: PathBuf::from("/"),
            address: spawning.new_address().unwrap(),
        };
        spawning.registry.note(&record).await;
        Self {
            directory,
            config,
            spawning,
            record,
            queued: MessageCounts::default(),
        }
    }

    fn socket(&self) -> &Path {
        &self.record.address.socket
    }

    fn listen(&self) -> UnixListener {
        UnixListener::from_std(socket_path::bind(self.socket()).unwrap()).unwrap()
    }

    fn connection_file(&self) -> PathBuf {
        ConnectionFile::path(self.directory.path(), &self.record.kernel_id)
    }

    /// Something that the kernel has started.
    fn started_by_the_kernel(&self) -> Child {
        let mark = format!("{}/1", self.record.address.mark());
        let mut command = std::process::Command::new("sleep");
        command.arg("60").env("ADRASTEA_LAUNCH", mark);
        command.spawn().unwrap()
    }

    async fn adopt(&self) -> Adopted {
        adopt(self.spawning.clone(), &self.config, &self.record).await
    }

    /// Is the host for one server.
    async fn serve(&self, listener: &UnixListener) -> (FrameReader, FrameWriter) {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut reader, mut writer) = split(stream, unproven_bytes_max());
        greet_server(&mut reader, &mut writer, &self.record.address.secret)
            .await
            .unwrap();
        reader.allow(frame_bytes_max(1 << 20));
        let status = KernelStatus {
            phase: Phase::Ready,
            execution_state: ExecutionState::Idle,
            ..KernelStatus::launched(Timestamp::UNIX_EPOCH)
        };
        let attached = Attached {
            status,
            next: Position(0),
            sent_until: Position(0),
            clients: Vec::new(),
            requests: Vec::new(),
            executions: Vec::new(),
            queued: self.queued,
            setup: serde_json::Value::Null,
        };
        writer.say(&HostSays::Attached(Box::new(attached))).unwrap();
        writer.flush().await.unwrap();
        (reader, writer)
    }
}

/// Is a host that has waited long enough for a greeting.
async fn hang_up(listener: &UnixListener) {
    let (stream, _) = listener.accept().await.unwrap();
    let (mut reader, _writer) = split(stream, unproven_bytes_max());
    reader.next().await.unwrap();
}

#[tokio::test]
async fn a_host_that_hangs_up_is_left_alone_and_one_that_is_gone_is_cleaned_up_after() {
    let scene = Scene::new().await;
    std::fs::write(scene.connection_file(), "{}").unwrap();
    // It may be of a time when kernels listened on Unix sockets.
    assert!(matches!(scene.config.transport, Transport::Tcp { .. }));
    let dir = scene.config.ipc_dir();
    let sockets =
        Addresses::find(&Transport::Ipc { dir: dir.clone() }, &scene.record.address.mark()).unwrap();
    let mut started = scene.started_by_the_kernel();
    let listener = scene.listen();
    let (adopted, ()) = tokio::join!(scene.adopt(), hang_up(&listener));
    assert!(matches!(adopted, Adopted::Unreached(_)));
    assert!(started.try_wait().unwrap().is_none(), "it was killed");
    assert!(scene.socket().exists() && scene.connection_file().exists());
    assert_eq!(scene.spawning.registry.all().await.unwrap().len(), 1);

    drop(listener);
    assert!(matches!(scene.adopt().await, Adopted::Gone));
    assert!(!started.wait().unwrap().success());
    assert!(!scene.socket().exists() && !scene.connection_file().exists());
    assert_eq!(dir.read_dir().unwrap().count(), 0);
    drop(sockets);
    assert_eq!(scene.spawning.registry.all().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_host_that_hangs_up_on_its_server_is_called_again_for_as_long_as_it_lives() {
    let scene = Scene::new().await;
    let listener = scene.listen();
    let (adopted, connection) = tokio::join!(scene.adopt(), scene.serve(&listener));
    let Adopted::Running(handle) = adopted else {
        panic!("it was not taken over");
    };
    drop(connection);
    for _ in 0..3 {
        hang_up(&listener).await;
    }
    let (_reader, mut writer) = scene.serve(&listener).await;
    let mut status = handle.status.clone();
    let busy = KernelStatus {
        execution_state: ExecutionState::Busy,
        ..status.borrow_and_update().clone()
    };
    writer.say(&HostSays::Status { status: busy.clone() }).unwrap();
    writer.flush().await.unwrap();
    let heard = status.wait_for(|status| *status == busy).await.unwrap();
    assert_eq!(heard.phase, Phase::Ready);
}

/// Asks to run code; returns when the host has heard it.
async fn execute(handle: &HostHandle, msg_id: &str, host: &mut FrameReader) {
    let header = NewHeader {
        msg_id,
        msg_type: "execute_request",
        session: "",
        username: "",
        date: "",
    };
    let message = Message::new(Channel::Shell, header, None, &json!({"code": msg_id}));
    let client = ClientId::new("client");
    let execution = Execution::of(&client, msg_id, &message).unwrap();
    handle.journal.note_execution(execution);
    assert!(handle.send(client, msg_id.into(), message).await.is_ok());
    while host.next().await.unwrap().kind != Kind::Message {}
}

#[tokio::test]
async fn with_a_process_end_the_cells_that_it_had_and_not_those_sent_while_another_is_started() {
    let scene = Scene::new().await;
    let listener = scene.listen();
    let (adopted, (mut reader, mut writer)) = tokio::join!(scene.adopt(), scene.serve(&listener));
    let Adopted::Running(handle) = adopted else {
        panic!("it was not taken over");
    };
    execute(&handle, "before", &mut reader).await;
    // The process has ended, which the server does not know yet.
    execute(&handle, "between", &mut reader).await;
    let launched = KernelStatus {
        restarts: 1,
        ..handle.status.borrow().clone()
    };
    writer.say(&HostSays::Status { status: launched }).unwrap();
    let requests = vec![("before".into(), Position(7))];
    writer.say(&HostSays::Ended { requests }).unwrap();
    writer.flush().await.unwrap();
    let mut ends = handle.journal.ends();
    let ended = || -> Vec<_> {
        let executions = handle.journal.executions().into_iter();
        executions.map(|execution| execution.ended).collect()
    };
    while ended()[0].is_none() {
        ends.changed().await.unwrap();
    }
    assert_eq!(ended(), [Some(Position(7)), None]);
}

/// A program that never says that it has launched a kernel.
fn slow_program(directory: &Path) -> PathBuf {
    let program = directory.join("slow");
    // Written by another process: whoever forks here meanwhile would hold it open.
    let write = "printf '#!/bin/sh\\nexec sleep 60\\n' > \"$0\" && chmod 700 \"$0\"";
    let written = std::process::Command::new("sh")
        .args(["-c", write])
        .arg(&program)
        .status();
    assert!(written.unwrap().success());
    program
}

#[tokio::test]
async fn a_kernel_that_is_ended_while_another_host_is_started_for_it_was_shut_down() {
    let mut scene = Scene::new().await;
    scene.spawning.program = slow_program(scene.directory.path());
    let listener = scene.listen();
    let (adopted, connection) = tokio::join!(scene.adopt(), scene.serve(&listener));
    let Adopted::Running(handle) = adopted else {
        panic!("it was not taken over");
    };
    drop((connection, listener));
    let mut status = handle.status.clone();
    let is_launching = |status: &KernelStatus| status.phase == Phase::Launching;
    status.wait_for(is_launching).await.unwrap();
    handle.condemned.as_ref().unwrap().cancel();
    let ended = status
        .wait_for(|status| matches!(status.phase, Phase::Ended(_)))
        .await
        .unwrap();
    assert_eq!(ended.phase, Phase::Ended(Ended::ShutDown));
}

/// A message on this channel.
async fn say(handle: &HostHandle, channel: Channel, msg_id: &str) {
    let header = NewHeader {
        msg_id,
        msg_type: "comm_msg",
        session: "",
        username: "",
        date: "",
    };
    let message = Message::new(channel, header, None, &json!({}));
    let sent = handle.send(ClientId::new("client"), msg_id.into(), message).await;
    assert!(sent.is_ok());
}

#[tokio::test]
async fn what_servers_before_have_queued_takes_its_room_until_the_kernel_has_it() {
    let mut scene = Scene::new().await;
    scene.queued.shell = scene.config.limits.queued_messages_max;
    let listener = scene.listen();
    let (adopted, (mut reader, mut writer)) = tokio::join!(scene.adopt(), scene.serve(&listener));
    let Adopted::Running(handle) = adopted else {
        panic!("it was not taken over");
    };
    say(&handle, Channel::Shell, "waits").await;
    say(&handle, Channel::Control, "passes").await;
    let mut heard = async || loop {
        let frame = reader.next().await.unwrap();
        if frame.kind == Kind::Message {
            return message(frame.body).unwrap().msg_id;
        }
    };
    assert_eq!(&*heard().await, "passes");
    let taken = MessageCounts {
        shell: 1,
        ..MessageCounts::default()
    };
    writer.say(&HostSays::Taken(taken)).unwrap();
    writer.flush().await.unwrap();
    assert_eq!(&*heard().await, "waits");
}

/// The number of the command to shut down, which must come.
async fn asked_to_shut_down(reader: &mut FrameReader) -> u64 {
    loop {
        let frame = reader.next().await.unwrap();
        if let ServerSays::Command {
            id,
            command: Command::Shutdown,
        } = serde_json::from_slice(&frame.body).unwrap()
        {
            return id;
        }
    }
}

#[tokio::test]
async fn a_host_that_loses_its_connection_while_it_ends_its_kernel_is_asked_again() {
    let scene = Scene::new().await;
    let listener = scene.listen();
    let (adopted, (mut reader, writer)) = tokio::join!(scene.adopt(), scene.serve(&listener));
    let Adopted::Running(handle) = adopted else {
        panic!("it was not taken over");
    };
    let host = async {
        asked_to_shut_down(&mut reader).await;
        drop((reader, writer));
        let (mut reader, mut writer) = scene.serve(&listener).await;
        let id = asked_to_shut_down(&mut reader).await;
        writer.say(&HostSays::Answer { id, failure: None }).unwrap();
        writer.flush().await.unwrap();
        (reader, writer)
    };
    let (ended, _connection) = tokio::join!(handle.shutdown(), host);
    assert!(ended.is_ok());
}

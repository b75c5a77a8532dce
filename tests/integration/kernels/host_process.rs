//! The process beside each kernel: what happens when it is far ahead of a client, and when it is killed.

use std::path::Path;

use serde_json::json;
use test_support::{TestServer, TestSocket, eventually};
use wire::Subprotocol;

use crate::channels::{cell, content, kind, parent, run, server_and_socket, start_kernel, text};

/// A process and its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pids {
    pub(crate) kernel: i32,
    pub(crate) host: i32,
}

/// The processes of a kernel: the one whose command line names its connection file, and the one that started it.
pub(crate) fn pids(kernel_id: &str) -> Option<Pids> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.find_map(|kernel| {
        let command_line = std::fs::read(format!("/proc/{kernel}/cmdline")).ok()?;
        let names_it = String::from_utf8_lossy(&command_line).contains(kernel_id);
        let stat = std::fs::read_to_string(format!("/proc/{kernel}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let host = fields.split(' ').nth(1)?.parse().ok()?;
        names_it.then_some(Pids { kernel, host })
    })
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| ![") Z ", ") X "].iter().any(|ended| stat.contains(ended)))
}

pub(super) fn kill(pid: i32) {
    let status = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Hears that the kernel is started again.
pub(super) async fn until_restarting(socket: &mut TestSocket) {
    socket
        .until("`restarting`", |message| {
            kind(message) == "status" && content(message)["execution_state"] == "restarting"
        })
        .await;
}

fn sockets_in(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("hosts")).map_or(0, |entries| entries.count())
}

#[tokio::test]
async fn a_kernel_has_a_host_of_its_own_which_leaves_nothing_behind() {
    let (server, kernel, _socket) = server_and_socket().await;
    let Pids { kernel: pid, host } = pids(&kernel).unwrap();
    assert_ne!(host, i32::try_from(std::process::id()).unwrap());
    let host_command = std::fs::read_to_string(format!("/proc/{host}/cmdline")).unwrap();
    assert_eq!(host_command, "adrastea\0kernel-host\0");
    // Nothing in its arguments or environment, where others could read it.
    assert_eq!(
        std::fs::read_to_string(format!("/proc/{host}/environ")).unwrap(),
        ""
    );
    assert_eq!(sockets_in(&server.runtime_dir()), 1);

    server
        .as_owner()
        .delete(&format!("/api/kernels/{kernel}"))
        .await
        .expect(204);
    assert!(!is_alive(pid));
    eventually("the host ended", async || (!is_alive(host)).then_some(())).await;
    assert_eq!(sockets_in(&server.runtime_dir()), 0);
}

#[tokio::test]
async fn a_server_that_stops_leaves_no_host() {
    let (server, kernel, _socket) = server_and_socket().await;
    let Pids { kernel: pid, host } = pids(&kernel).unwrap();
    let directories = server.shutdown().await;
    assert!(!is_alive(pid));
    eventually("the host ended", async || (!is_alive(host)).then_some(())).await;
    assert_eq!(sockets_in(&directories.path().join("runtime")), 0);
}

#[tokio::test]
async fn a_kernel_whose_host_is_killed_comes_back_and_its_clients_are_told() {
    let (server, kernel, mut socket) = server_and_socket().await;
    let before = pids(&kernel).unwrap();
    run(&mut socket, "print before").await;
    kill(before.host);
    let told = socket
        .until("the reason", |message| kind(message) == "stream")
        .await;
    let reason = content(&told)["text"].as_str().unwrap().to_owned();
    assert!(reason.contains("killed by signal 9"), "{reason}");
    until_restarting(&mut socket).await;
    assert!(!is_alive(before.kernel));
    // The same kernel to everyone, with another process.
    assert_eq!(text(&run(&mut socket, "print after").await), "after\n");
    let after = pids(&kernel).unwrap();
    assert_ne!(after.kernel, before.kernel);
    let model = server.as_owner().get(&format!("/api/kernels/{kernel}")).await;
    assert_eq!(model.expect(200).json()["connections"], 1);
    assert_eq!(sockets_in(&server.runtime_dir()), 1);
}

#[tokio::test]
async fn a_cell_that_ran_when_its_host_was_killed_says_that_output_may_be_missing() {
    let (server, kernel, mut socket) = server_and_socket().await;
    let cell = cell("print before\nsleep 600000");
    socket.send(&cell).await;
    socket.until("output", |message| kind(message) == "stream").await;
    kill(pids(&kernel).unwrap().host);
    let told = socket
        .until("the reason", |message| kind(message) == "stream")
        .await;
    assert_eq!(parent(&told), cell.header().unwrap().msg_id);
    assert_eq!(
        content(&told)["text"],
        "The kernel died (the process that hosted it was killed by signal 9, probably out of memory) and was started again. \
         The last of this cell's output may be missing.\n"
    );
    until_restarting(&mut socket).await;
    assert_eq!(text(&run(&mut socket, "print after").await), "after\n");
    // It runs no more.
    let requests = server
        .as_owner()
        .get(&format!("/api/kernels/{kernel}/requests"))
        .await;
    let requests = requests.expect(200).json();
    let states = requests["requests"].as_array().unwrap().iter();
    assert!(
        states.clone().all(|request| request["state"] == "done"),
        "{requests}"
    );
}

#[tokio::test]
async fn a_client_far_behind_is_given_by_the_host_what_the_server_holds_no_longer() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut slow = owner.channels(&kernel, "slow", Subprotocol::V1).await;
    let mut fast = owner.channels(&kernel, "fast", Subprotocol::V1).await;
    // Several times what the server holds, and more than the host holds in memory.
    let cell = cell("burst 300 100000");
    slow.send(&cell).await;
    let id = cell.header().unwrap().msg_id.to_string();
    fast.until("the end of the cell", |message| {
        crate::channels::is_idle(message) && crate::channels::parent(message) == id
    })
    .await;
    let answers = slow.answers_to(&cell).await;
    let numbers: Vec<u32> = text(&answers)
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    assert!(numbers.iter().copied().eq(0..300), "{numbers:?}");
}

#[tokio::test]
async fn a_kernel_can_be_looked_after_by_the_server_itself() {
    let server = TestServer::builder()
        .setting("Adrastea.kernel_host_process", "False")
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let own = i32::try_from(std::process::id()).unwrap();
    assert_eq!(pids(&kernel).unwrap().host, own);
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    assert_eq!(text(&run(&mut socket, "print hello").await), "hello\n");
    owner
        .post(&format!("/api/kernels/{kernel}/restart"), &json!({}))
        .await
        .expect(200);
    assert_eq!(text(&run(&mut socket, "print again").await), "again\n");
}

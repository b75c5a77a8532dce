//! Kernels that listen on Unix sockets, in directories that are theirs.

use std::{os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};
use test_support::{TestServer, TestServerBuilder, TestSocket};
use wire::Subprotocol;

use super::host_process::{kill, pids, until_restarting};
use crate::channels::{cell, content, ipykernel::python, kind, parent, run, start_kernel, text};

/// A server whose kernels, ipykernel all, listen on Unix sockets.
fn over_ipc(setting: &str) -> TestServerBuilder {
    let argv = json!([python(), "-m", "ipykernel_launcher", "-f", "{connection_file}"]);
    TestServer::builder()
        .without_fake_kernel()
        .kernelspec(
            "python3",
            json!({"argv": argv, "display_name": "Python", "language": "python"}),
        )
        .setting(setting, "ipc")
}

fn connection_of(server: &TestServer, kernel: &str) -> Value {
    let file = server.runtime_dir().join(format!("kernel-{kernel}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

async fn kernel_and_socket(server: &TestServer) -> (String, TestSocket) {
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let socket = owner.channels(&kernel, &kernel, Subprotocol::V1).await;
    (kernel, socket)
}

#[tokio::test]
async fn a_python_kernel_talks_over_unix_sockets_after_a_restart_too() {
    for setting in ["KernelManager.transport", "ConnectionFileMixin.transport"] {
        let server = over_ipc(setting).start().await;
        let (kernel, mut socket) = kernel_and_socket(&server).await;
        let connection = connection_of(&server, &kernel);
        assert_eq!(connection["transport"], "ipc");
        let dir = Path::new(connection["ip"].as_str().unwrap()).parent().unwrap();
        assert_eq!(
            std::fs::metadata(dir).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(text(&run(&mut socket, "x = 1; print(6*7)").await), "42\n");

        // Of a host that is killed nothing is left, and another takes its place.
        kill(pids(&kernel).unwrap().host);
        until_restarting(&mut socket).await;
        assert_eq!(text(&run(&mut socket, "print('again')").await), "again\n");
        assert!(!dir.exists());
        let connection = connection_of(&server, &kernel);
        let dir = Path::new(connection["ip"].as_str().unwrap()).parent().unwrap();

        let restart = format!("/api/kernels/{kernel}/restart");
        server.as_owner().post_empty(&restart).await.expect(200);
        assert_eq!(connection_of(&server, &kernel), connection);
        let (code, expected) = ("print('x' in globals())", "False\n");
        assert_eq!(text(&run(&mut socket, code).await), expected);
        let one = format!("/api/kernels/{kernel}");
        server.as_owner().delete(&one).await.expect(204);
        assert!(!dir.exists());
    }
}

/// Puts a link to another kernel's iopub in place of its own, and breaks the connection to it.
const TURN: &str = r#"
import os, socket, time
own = OWN
os.unlink(own)
os.symlink(OTHER, own)
for number in os.listdir("/proc/self/fd"):
    try:
        with socket.socket(fileno=os.dup(int(number))) as opened:
            listens = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if opened.family == socket.AF_UNIX and opened.getsockname() == own and not listens:
                opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
time.sleep(600)
"#;

#[tokio::test]
async fn a_kernel_that_links_to_anothers_socket_is_ended_at_the_next_connection_and_its_cell_says_why() {
    let server = over_ipc("KernelManager.transport").start().await;
    let (other, mut others_socket) = kernel_and_socket(&server).await;
    let (kernel, mut socket) = kernel_and_socket(&server).await;
    let (others_pids, before) = (pids(&other).unwrap(), pids(&kernel).unwrap());
    let iopub = |kernel: &str| {
        let connection = connection_of(&server, kernel);
        let (prefix, port) = (&connection["ip"], &connection["iopub_port"]);
        format!("{}-{port}", prefix.as_str().unwrap())
    };
    let code = TURN
        .replace("OWN", &format!("{:?}", iopub(&kernel)))
        .replace("OTHER", &format!("{:?}", iopub(&other)));
    let cell = cell(&code);
    socket.send(&cell).await;
    let told = socket
        .until("the reason", |message| kind(message) == "stream")
        .await;
    assert_eq!(parent(&told), cell.header().unwrap().msg_id);
    assert_eq!(
        content(&told)["text"],
        "The kernel was ended, and is started again: a link stands in place of its socket.\n"
    );
    until_restarting(&mut socket).await;
    assert_eq!(text(&run(&mut socket, "print('after')").await), "after\n");
    let after = pids(&kernel).unwrap();
    assert!(after.host == before.host && after.kernel != before.kernel);
    assert_eq!(text(&run(&mut others_socket, "print('on')").await), "on\n");
    assert_eq!(pids(&other), Some(others_pids));
}

/// Listens nowhere: all its sockets are links to another kernel's.
const LINKED: &str = r#"
import json, os, sys, time
own, name = os.path.split(json.load(open(sys.argv[1]))["ip"])
others = os.path.dirname(own)
other = next(other for other in sorted(os.listdir(others)) if os.path.exists(f"{others}/{other}/{name}-1"))
for port in range(1, 6):
    os.symlink(f"{others}/{other}/{name}-{port}", f"{own}/{name}-{port}")
time.sleep(600)
"#;

#[tokio::test]
async fn a_kernel_whose_sockets_are_links_from_the_start_is_none() {
    let argv = json!([python(), "-c", LINKED, "{connection_file}"]);
    let server = over_ipc("KernelManager.transport")
        .kernelspec("linked", json!({"argv": argv, "language": "x"}))
        .setting("Adrastea.early_death_window", "20")
        .start()
        .await;
    let (_, mut others_socket) = kernel_and_socket(&server).await;
    let owner = server.as_owner();
    let refused = owner.post("/api/kernels", &json!({"name": "linked"})).await;
    let message = refused.expect(500).json()["message"].to_string();
    let expected = "the kernel `linked` died (it was ended: a link stands in place of its socket)";
    assert!(message.contains(expected), "{message}");
    assert_eq!(text(&run(&mut others_socket, "print('on')").await), "on\n");
    let ipc = server.runtime_dir().join("ipc");
    assert_eq!(std::fs::read_dir(ipc).unwrap().count(), 1);
}

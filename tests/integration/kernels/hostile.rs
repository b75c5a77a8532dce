//! Kernels that send what no kernel sends: each harms nobody but itself, and its user is told.

use serde_json::json;
use test_support::{TestServer, fake_kernel_program, request, within};
use wire::{Channel, Subprotocol};

use super::host_process::{Pids, is_alive, pids, until_restarting};
use crate::{
    authorization::own_or_shared::OwnOrShared,
    channels::{cell, content, ipykernel::python, kind, parent, run, start_kernel, text},
};

#[tokio::test]
async fn a_kernel_that_turns_hostile_is_started_again_its_cell_says_why_and_others_work_on() {
    let argv = json!([fake_kernel_program(), "{connection_file}", "--may-turn-hostile"]);
    let server = TestServer::builder()
        .authorizer(OwnOrShared::shared())
        .kernelspec(
            "hostile",
            json!({"argv": argv, "display_name": "Hostile", "language": "x"}),
        )
        .start()
        .await;
    let (attacker, other) = (server.as_user("ana"), server.as_user("bob"));
    let others_kernel = start_kernel(&other).await;
    let mut others_socket = other.channels(&others_kernel, "other", Subprotocol::V1).await;
    let others_cell = cell("print 100 times every 20");
    others_socket.send(&others_cell).await;
    let others_pids = pids(&others_kernel).unwrap();
    for (hostility, reason) in [
        ("hostile lengths", "exceeds the limit of 1073741824 bytes."),
        ("hostile bytes", "does not speak ZMTP 3"),
        ("unsigned 100", "the signature does not match"),
    ] {
        let started = attacker.post("/api/kernels", &json!({"name": "hostile"})).await;
        let kernel = started.expect(201).json()["id"].as_str().unwrap().to_owned();
        let before = pids(&kernel).unwrap();
        let mut socket = attacker.channels(&kernel, "s", Subprotocol::V1).await;
        let cell = cell(&format!("print before\ninput go on?\n{hostility}\nsleep 600000"));
        let id = cell.header().unwrap().msg_id.to_string();
        socket.send(&cell).await;
        let (mut is_heard, mut is_asked) = (false, false);
        while !(is_heard && is_asked) {
            let message = socket.next().await.expect("a message");
            is_heard |= kind(&message) == "stream";
            is_asked |= kind(&message) == "input_request";
        }
        let answer = json!({"value": ""});
        socket
            .send(&request(Channel::Stdin, "input_reply", "s", &answer))
            .await;
        let told = socket
            .until("the reason", |message| {
                kind(message) == "stream" && content(message)["name"] == "stderr"
            })
            .await;
        assert_eq!(parent(&told), id);
        let told = content(&told)["text"].as_str().unwrap().to_owned();
        assert!(
            told.starts_with("The kernel was ended, and is started again: "),
            "{told}"
        );
        assert!(told.contains(reason), "{told}");
        until_restarting(&mut socket).await;
        assert!(!is_alive(before.kernel));
        assert_eq!(text(&run(&mut socket, "print after").await), "after\n");
        let model = attacker.get(&format!("/api/kernels/{kernel}")).await.expect(200);
        assert_eq!(model.json()["execution_state"], "idle");
        // The host goes on, with another kernel.
        let after = pids(&kernel).unwrap();
        assert!(after.host == before.host && after.kernel != before.kernel);
        attacker
            .delete(&format!("/api/kernels/{kernel}"))
            .await
            .expect(204);
    }
    let printed = text(&others_socket.answers_to(&others_cell).await);
    let numbers = printed
        .split_whitespace()
        .map(|number| number.parse::<u32>().unwrap());
    assert!(numbers.eq(0..100), "{printed}");
    assert_eq!(pids(&others_kernel), Some(others_pids));
}

/// What listens where a kernel should, and announces frames of 2^40 bytes from the start.
const HOSTILE: &str = r#"
import json, socket, sys, threading
connection = json.load(open(sys.argv[1]))
def serve(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((connection["ip"], port))
    listener.listen()
    while True:
        peer, _ = listener.accept()
        ready = b"\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"
        try:
            peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48) + bytes([4, len(ready)]) + ready)
            peer.sendall(b"\x02" + (2**40).to_bytes(8, "big") + b"x" * 1_000_000)
        except OSError:
            pass
for name in ["shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"]:
    threading.Thread(target=serve, args=(connection[name],)).start()
"#;

#[tokio::test]
async fn what_sends_absurd_frames_from_the_start_is_given_up_and_harms_nobody_else() {
    let argv = json!([python(), "-c", HOSTILE, "{connection_file}"]);
    let server = TestServer::builder()
        .kernelspec(
            "hostile",
            json!({"argv": argv, "display_name": "Hostile", "language": "x"}),
        )
        // Asking for it shall answer before it has died for good.
        .setting("Adrastea.early_death_window", "0")
        .start()
        .await;
    let owner = server.as_owner();
    let hostile = owner
        .post("/api/kernels", &json!({"name": "hostile"}))
        .await
        .expect(201)
        .json();
    let hostile = hostile["id"].as_str().unwrap().to_owned();
    let Pids { host, .. } = pids(&hostile).unwrap();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    let mut peak_kib = 0;
    within("the end of the hostile kernel", async {
        while is_alive(host) {
            assert_eq!(text(&run(&mut socket, "print on\nsleep 20").await), "on\n");
            peak_kib = peak_kib.max(peak_of(host).unwrap_or_default());
        }
    })
    .await;
    // Not what was announced.
    assert!((1..100 << 10).contains(&peak_kib), "{peak_kib} KiB");
    let kernels = owner.get("/api/kernels").await.expect(200).json();
    assert_eq!(kernels.as_array().unwrap().len(), 1);
}

/// The most memory a process had, in KiB.
fn peak_of(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}

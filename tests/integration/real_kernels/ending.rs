//! Interrupt, restart and the end of kernels of other makers.

use serde_json::json;
use test_support::eventually;
use wire::Subprotocol;

use super::{KERNELS, id_of, opened, printed, server};
use crate::channels::{cell, content, kind, run};
use crate::kernels::host_process::{is_alive, pids};

#[tokio::test(flavor = "multi_thread")]
async fn bash_is_interrupted_and_keeps_its_variables() {
    let server = server().await;
    let kernel = &KERNELS[0];
    let (session, mut socket) = opened(&server, kernel, Subprotocol::V1).await;
    run(&mut socket, kernel.remembers).await;
    let sleeping = cell("echo asleep; sleep 600");
    socket.send(&sleeping).await;
    socket
        .until("the cell sleeps", |message| kind(message) == "stream")
        .await;
    let path = format!("/api/kernels/{}/interrupt", id_of(&session));
    server.as_owner().post_empty(&path).await.expect(204);
    socket.answers_to(&sleeping).await;
    assert_eq!(printed(&mut socket, kernel.recalls).await, "42\n");
}

/// Deno's kernelspec asks for signals, and Deno ends by one, here as under the reference.
#[tokio::test(flavor = "multi_thread")]
async fn deno_ends_when_it_is_interrupted_and_comes_back() {
    let server = server().await;
    let kernel = &KERNELS[1];
    let (session, mut socket) = opened(&server, kernel, Subprotocol::V1).await;
    run(&mut socket, kernel.remembers).await;
    let before = pids(&id_of(&session)).unwrap();
    // A loop that never waits would keep Deno from sending what was printed before.
    let running = cell("while (true) { console.log('on'); await new Promise((go) => setTimeout(go, 10)); }");
    socket.send(&running).await;
    socket
        .until("the cell runs", |message| kind(message) == "stream")
        .await;
    let path = format!("/api/kernels/{}/interrupt", id_of(&session));
    server.as_owner().post_empty(&path).await.expect(204);
    socket
        .until("`restarting`", |message| {
            kind(message) == "status" && content(message)["execution_state"] == "restarting"
        })
        .await;
    assert_eq!(printed(&mut socket, kernel.recalls).await, "\n");
    assert!(!is_alive(before.kernel));
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_of_other_makers_keep_id_and_session_when_restarted() {
    let server = server().await;
    let owner = server.as_owner();
    for kernel in &KERNELS {
        let (session, mut socket) = opened(&server, kernel, Subprotocol::V1).await;
        run(&mut socket, kernel.remembers).await;
        let id = id_of(&session);
        let before = pids(&id).unwrap();
        let path = format!("/api/kernels/{id}/restart");
        let model = owner.post(&path, &json!({})).await.expect(200).json();
        assert_eq!(model["id"], id);
        assert_eq!(
            printed(&mut socket, kernel.recalls).await,
            "\n",
            "{}",
            kernel.name
        );
        assert!(!is_alive(before.kernel));
        let path = format!("/api/sessions/{}", session["id"].as_str().unwrap());
        let after = owner.get(&path).await.expect(200).json();
        assert_eq!(after["kernel"]["id"], id);
        owner.delete(&path).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_of_other_makers_leave_no_process_behind() {
    let server = server().await;
    for kernel in &KERNELS {
        let (session, mut socket) = opened(&server, kernel, Subprotocol::V1).await;
        let told = printed(&mut socket, kernel.leaves_a_process).await;
        let child: i32 = told.split_whitespace().last().unwrap().parse().unwrap();
        let of_kernel = pids(&id_of(&session)).unwrap();
        assert!(is_alive(child), "{told}");
        let path = format!("/api/sessions/{}", session["id"].as_str().unwrap());
        server.as_owner().delete(&path).await.expect(204);
        for pid in [of_kernel.kernel, child] {
            assert!(!is_alive(pid), "{pid} of {}", kernel.name);
        }
        eventually("the host ended", async || {
            (!is_alive(of_kernel.host)).then_some(())
        })
        .await;
    }
}

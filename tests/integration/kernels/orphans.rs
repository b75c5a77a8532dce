//! What kernels start that does not want to be found.

use serde_json::json;
use test_support::{TestClient, TestServer, eventually};

use super::host_process::{is_alive, pids};

/// A kernel that runs this script, `$1` being the directory of what it writes, and never opens its sockets.
async fn started(script: &str) -> (TestServer, TestClient, String) {
    let builder = TestServer::builder().setting("Adrastea.early_death_window", "0");
    let script = format!("{script}\nwhile :; do sleep 1; done");
    let argv = json!(["/bin/sh", "-c", script, "{connection_file}", builder.root()]);
    let server = builder
        .kernelspec(
            "script",
            json!({"argv": argv, "display_name": "Script", "language": "sh"}),
        )
        // What listens to nothing cannot be asked to end.
        .setting("KernelManager.shutdown_wait_time", "0.2")
        .start()
        .await;
    let owner = server.as_owner();
    let model = owner.post("/api/kernels", &json!({"name": "script"})).await;
    let id = model.expect(201).json()["id"].as_str().unwrap().to_owned();
    (server, owner, id)
}

async fn written_pid(server: &TestServer, name: &str) -> i32 {
    let path = server.root().join(name);
    eventually(name, async || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.strip_suffix('\n')?.parse().ok()
    })
    .await
}

#[tokio::test]
async fn a_daemon_that_forgets_where_it_came_from_ends_with_its_kernel_and_with_a_restart() {
    let daemon = r#"setsid env -i /bin/sh -c '/bin/sleep 1000 & echo $! > "$1"' sh "$1/daemon""#;
    let (server, owner, kernel) = started(daemon).await;
    let first = written_pid(&server, "daemon").await;
    let environment = std::fs::read(format!("/proc/{first}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("ADRASTEA"));
    std::fs::remove_file(server.root().join("daemon")).unwrap();
    // It never opens its sockets, so this is answered when the next process has started another.
    let restarting = tokio::spawn({
        let owner = server.as_owner();
        let path = format!("/api/kernels/{kernel}/restart");
        async move { owner.post_empty(&path).await }
    });
    let second = written_pid(&server, "daemon").await;
    assert_ne!(first, second);
    assert!(!is_alive(first) && is_alive(second));
    owner.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
    assert!(!is_alive(second));
    let _gone = restarting.await.unwrap();
}

#[tokio::test]
async fn a_daemon_of_a_kernel_that_dies_ends_too() {
    let daemon = r#"setsid env -i /bin/sh -c '/bin/sleep 1000 & echo $! > "$1"' sh "$1/daemon"
while [ ! -e "$1/die" ]; do sleep 0.01; done
exit 3"#;
    let (server, owner, kernel) = started(daemon).await;
    let daemon = written_pid(&server, "daemon").await;
    std::fs::write(server.root().join("die"), "").unwrap();
    eventually("the end of the kernel", async || {
        let answer = owner.get(&format!("/api/kernels/{kernel}")).await;
        (answer.status == 404).then_some(())
    })
    .await;
    assert!(!is_alive(daemon));
}

/// It is another process all the time.
#[tokio::test]
async fn what_flees_by_starting_itself_again_and_again_is_caught() {
    let runner = r#"setsid env -i /bin/sh -c '
run() { echo alive >> "$1"; /bin/sleep 0.002; run "$1" & exit; }
run "$1" &' sh "$1/alive" &"#;
    let (server, owner, kernel) = started(runner).await;
    let length = || std::fs::metadata(server.root().join("alive")).map_or(0, |file| file.len());
    eventually("it runs", async || (length() > 100).then_some(())).await;
    owner.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
    let path = server.root().join("alive");
    let names_it = |pid: &std::path::Path| {
        let command_line = std::fs::read(pid.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command_line).contains(&*path.to_string_lossy())
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    assert_eq!(processes.filter(|entry| names_it(&entry.path())).count(), 0);
}

#[tokio::test]
async fn orphans_that_end_leave_no_zombies() {
    let short_lived = r#"for i in 1 2 3 4 5 6 7 8 9 10; do (setsid true &); done; echo $$ > "$1/started""#;
    let (server, owner, kernel) = started(short_lived).await;
    written_pid(&server, "started").await;
    let host = pids(&kernel).unwrap().host;
    eventually("only the kernel is left", async || {
        let tasks = std::fs::read_dir(format!("/proc/{host}/task")).ok()?.flatten();
        let children = tasks.map(|task| std::fs::read_to_string(task.path().join("children")));
        let children: String = children.map(Result::unwrap_or_default).collect();
        (children.split_whitespace().count() == 1).then_some(())
    })
    .await;
    owner.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
}

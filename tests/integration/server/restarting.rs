//! `adrastea restart`: the next server takes the place of the one that runs, and nobody loses anything.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use test_support::{eventually, server_program};

use super::process::{Home, Running, said};
use super::surviving::{Cell, end_kernel, kernel_of, open_session, pid_of, socket};
use crate::channels::{run, text};

async fn restart(home: &Home, server: &Running) -> Output {
    let mut command = home.command(&["restart", &server.info["port"].to_string()]);
    let restarting = tokio::task::spawn_blocking(move || command.output());
    restarting.await.unwrap().expect("the command runs")
}

fn children(pid: u32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let lists = tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    lists.map(|list| list.split_whitespace().count()).sum()
}

/// The server's program under another name, as if it were installed there. A link, since it is large.
fn installed(home: &Home) -> PathBuf {
    let path = home.path("adrastea");
    std::fs::hard_link(server_program(), &path)
        .or_else(|_| std::fs::copy(server_program(), &path).map(drop))
        .expect("a copy of the program");
    path
}

/// Puts another program in its place, as an upgrade does.
fn replace(path: &Path, script: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, script).expect("a program");
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    std::fs::rename(&new, path).expect("the upgrade");
}

#[tokio::test]
async fn a_cell_runs_on_while_its_server_is_restarted_and_all_of_its_outputs_come_once() {
    let home = Home::new();
    // Port and token are made up, and stay all the same.
    let server = home.start(&["--port=0"]).await;
    let session = open_session(&server.client()).await;
    let kernel = kernel_of(&session);
    let mut browser = socket(&server.client(), &kernel).await;
    let mut cell = Cell::new("print 200 times every 10");
    browser.send(&cell.request).await;
    while cell.heard.len() < 50 {
        cell.hear_next(&mut browser).await;
    }
    let pid = pid_of(&kernel);
    let (restarted, rest) = tokio::join!(restart(&home, &server), browser.rest());
    cell.hear(rest);
    assert!(restarted.status.success(), "{}", said(&restarted));

    let info = home
        .path("runtime")
        .join(format!("jpserver-{}.json", server.pid()));
    let info: Value = serde_json::from_slice(&std::fs::read(info).unwrap()).unwrap();
    assert_eq!(info, server.info);
    let again = server.client().get("/api/sessions").await.expect(200).json();
    assert_eq!(again[0]["id"], session["id"]);
    let mut browser = socket(&server.client(), &kernel).await;
    cell.hear_to_the_end(&mut browser).await;
    assert!(cell.numbers().into_iter().eq(0..200), "{:?}", cell.numbers());
    assert_eq!(pid_of(&kernel), pid);
    assert_eq!(text(&run(&mut browser, "print on").await), "on\n");
    end_kernel(&server.client(), &kernel).await;
    // Its host was a child of the server before, which is the same process.
    eventually("the host is reaped", async || {
        (children(server.pid()) == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_connects_while_the_server_is_restarted_waits_and_is_served() {
    let home = Home::new();
    let server = home.start(&["--port=0"]).await;
    let restarting = restart(&home, &server);
    let client = server.client();
    let asking = async {
        for _ in 0..200 {
            // One that was open may break; one that is new never fails.
            let asked = client
                .request(reqwest::Method::GET, "/api/status")
                .header("connection", "close");
            if let Err(error) = asked.send().await {
                assert!(!error.is_connect(), "{error:?}");
            }
        }
    };
    let (restarted, ()) = tokio::join!(restarting, asking);
    assert!(restarted.status.success(), "{}", said(&restarted));
}

#[tokio::test]
async fn a_new_version_of_the_program_takes_over_what_runs() {
    let home = Home::new();
    let program = installed(&home);
    let server = home.start_program(&program, &["--port=0"]).await;
    let kernel = kernel_of(&open_session(&server.client()).await);
    let pid = pid_of(&kernel);
    let took_over = home.path("took-over");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] || echo $$ > '{}'\nexec '{}' \"$@\"\n",
        took_over.display(),
        server_program().display()
    );
    replace(&program, &script);
    let restarted = restart(&home, &server).await;
    assert!(restarted.status.success(), "{}", said(&restarted));
    assert_eq!(
        std::fs::read_to_string(&took_over).unwrap(),
        format!("{}\n", server.pid())
    );
    assert_eq!(pid_of(&kernel), pid);
    let mut browser = socket(&server.client(), &kernel).await;
    assert_eq!(text(&run(&mut browser, "print on").await), "on\n");
    end_kernel(&server.client(), &kernel).await;
}

#[tokio::test]
async fn a_server_whose_program_is_broken_goes_on() {
    let home = Home::new();
    let program = installed(&home);
    let server = home.start_program(&program, &["--port=0"]).await;
    replace(&program, "#!/bin/sh\nexit 3\n");
    server.signal("URG");
    eventually("it says so", async || {
        server.log().contains("not restarting: ").then_some(())
    })
    .await;
    assert!(
        server.log().contains("--version` failed (exit status: 3)"),
        "{}",
        server.log()
    );
    assert_eq!(server.get("api/status").await, 200);
}

#[tokio::test]
async fn a_socket_stays_where_it_is() {
    let home = Home::new();
    let path = home.path("s.sock");
    let argument = format!("--ServerApp.sock={}", path.display());
    let server = home.start(&[&argument, "--IdentityProvider.token=T"]).await;
    let path = path.to_string_lossy().into_owned();
    let mut command = home.command(&["restart", &path]);
    let restarted = tokio::task::spawn_blocking(move || command.output());
    // Somebody is there all the time.
    while !restarted.is_finished() {
        let path = path.clone();
        let connecting = tokio::task::spawn_blocking(|| std::os::unix::net::UnixStream::connect(path));
        connecting.await.unwrap().expect("a server");
    }
    let restarted = restarted.await.unwrap().unwrap();
    assert!(restarted.status.success(), "{}", said(&restarted));
    drop(server);
}

#[tokio::test]
async fn what_is_no_server_of_ours_is_not_restarted() {
    let home = Home::new();
    let mut other = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let info = json!({
        "base_url": "/", "hostname": "localhost", "password": false, "pid": other.id(), "port": 1, "root_dir": "/",
        "secure": false, "sock": "", "token": "", "url": "http://localhost:1/", "version": "2.21.0",
    });
    home.write(format!("runtime/jpserver-{}.json", other.id()), &info.to_string());
    let refused = home.run(&["restart", "1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("it is another program"),
        "{}",
        said(&refused)
    );
    assert!(other.try_wait().unwrap().is_none());
    other.kill().unwrap();
    other.wait().unwrap();
}

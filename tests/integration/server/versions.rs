//! A server takes over hosts that speak another version of their protocol. What stands between the two here makes of a
//! host of this version one of another: it says another minor version, and leaves out what that does not have, or adds what
//! this one does not know.

use std::{
    path::PathBuf,
    process::{Child, Command},
};

use serde_json::{Value, json};
use test_support::{TestClient, TestSocket, eventually};
use wire::Message;

use super::{
    process::{Home, Running},
    surviving::{Cell, end_kernel, kernel_of, open_session, pid_of, socket},
};
use crate::channels::{cell, ipykernel::python, kind, parent, run, text};

/// Passes on what a server and a host say to each other, as another version would.
const BETWEEN: &str = r#"
import asyncio, json, struct, sys
listen, host, minor, log = sys.argv[1], sys.argv[2], int(sys.argv[3]), open(sys.argv[4], "a", buffering=1)
SINCE = {"measure": 1, "usage": 1, "change_variables": 2, "ended": 3}
NEWER = 50

def translated(kind, body, side):
    if kind != 0:
        return [(kind, body)]
    says = json.loads(body)
    said = says.get("type", "greeting")
    log.write(f"{side} {said}\n")
    if said == "greeting":
        if "version" in says:
            says["version"]["minor"] = minor
    elif SINCE.get(said, 0) > minor:
        return []
    if said == "attached" and minor < 1:
        del says["executions"]
    if said == "attached" and minor < 4:
        del says["queued"]
    if minor > NEWER:
        says["mood"] = {"is": "new"}
    frames = [(0, json.dumps(says).encode())]
    if minor > NEWER and said != "greeting":
        frames += [(0, json.dumps({"type": "dream", "id": 1}).encode()), (200, b"?")]
    return frames

async def pass_on(reader, writer, side):
    try:
        while True:
            length, kind = struct.unpack("<IB", await reader.readexactly(5))
            for kind, body in translated(kind, await reader.readexactly(length), side):
                writer.write(struct.pack("<IB", len(body), kind) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def serve(reader, writer):
    host_reader, host_writer = await asyncio.open_unix_connection(host)
    await asyncio.gather(pass_on(reader, host_writer, "server"), pass_on(host_reader, writer, "host"))

async def main():
    async with await asyncio.start_unix_server(serve, listen) as server:
        await server.serve_forever()

asyncio.run(main())
"#;

/// What stands between a host and the servers that come for it.
struct Between {
    program: Child,
    log: PathBuf,
}

impl Between {
    /// Takes the place of the only host there is.
    async fn stand(home: &Home, minor: u32) -> Self {
        let hosts = std::fs::read_dir(home.path("runtime/hosts")).unwrap().flatten();
        let [socket] = <[_; 1]>::try_from(hosts.map(|entry| entry.path()).collect::<Vec<_>>()).unwrap();
        let (host, log) = (home.path("host.sock"), home.path("between"));
        std::fs::rename(&socket, &host).unwrap();
        let mut program = Command::new(python());
        program
            .args(["-c", BETWEEN])
            .arg(&socket)
            .arg(&host)
            .arg(minor.to_string())
            .arg(&log);
        let program = program.spawn().unwrap();
        eventually("it stands between", async || socket.exists().then_some(())).await;
        Self { program, log }
    }

    /// What was said, one a line.
    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        // It may have been killed for the host.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

async fn start(home: &Home) -> Running {
    home.start(&["--ServerApp.port=0", "--IdentityProvider.token=secret"])
        .await
}

fn with_python() -> Home {
    let home = Home::new();
    let argv = json!([python(), "-m", "ipykernel_launcher", "-f", "{connection_file}"]);
    let spec = json!({"argv": argv, "display_name": "Python", "language": "python"});
    home.write("data/kernels/python3/kernel.json", &spec.to_string());
    home
}

/// Starts a kernel and a cell, kills the server, and has the next one take the kernel over from a host that speaks another
/// minor version: nothing is lost. Gives what was asked for after that.
async fn taken_over(minor: u32) -> (Home, Running, Between, Value) {
    let home = with_python();
    let server = start(&home).await;
    let session = open_session(&server.client()).await;
    let kernel = kernel_of(&session);
    let code = "import os, time; x = 7\nfor i in range(100): print(i, flush=True); time.sleep(0.02)";
    let mut cell = Cell::new(code);
    let mut browser = socket(&server.client(), &kernel).await;
    browser.send(&cell.request).await;
    while cell.heard.len() < 20 {
        cell.hear_next(&mut browser).await;
    }
    let pid = pid_of(&kernel);
    server.kill();
    cell.hear(browser.rest().await);
    let between = Between::stand(&home, minor).await;
    let server = start(&home).await;
    let again = server.client().get("/api/sessions").await.expect(200).json();
    assert_eq!(again[0]["id"], session["id"]);
    assert_eq!(again[0]["kernel"]["execution_state"], "busy");
    let mut browser = socket(&server.client(), &kernel).await;
    cell.hear_to_the_end(&mut browser).await;
    assert!(cell.numbers().into_iter().eq(0..100), "{:?}", cell.numbers());
    assert_eq!(pid_of(&kernel), pid);
    assert_eq!(text(&run(&mut browser, "print(x)").await), "7\n");
    (home, server, between, session)
}

/// Interrupts the kernel, renames its document and restarts it in the middle of a cell. Gives the document it knows then.
async fn document_after_a_restart(client: &TestClient, session: &Value) -> String {
    let kernel = kernel_of(session);
    let mut browser = socket(client, &kernel).await;
    let sleep = "print('sleeping', flush=True); time.sleep(600)";
    let sleeping = cell(sleep);
    browser.send(&sleeping).await;
    until_it_sleeps(&mut browser, &sleeping).await;
    client
        .post_empty(&format!("/api/kernels/{kernel}/interrupt"))
        .await
        .expect(204);
    let answers = browser.answers_to(&sleeping).await;
    assert!(answers.iter().any(|message| kind(message) == "error"));

    let sleeping = cell(sleep);
    browser.send(&sleeping).await;
    until_it_sleeps(&mut browser, &sleeping).await;
    let path = format!("/api/sessions/{}", session["id"].as_str().unwrap());
    let moved = json!({"path": "y.ipynb", "name": "y.ipynb"});
    client.patch(&path, &moved).await.expect(200);
    client
        .post_empty(&format!("/api/kernels/{kernel}/restart"))
        .await
        .expect(200);
    let printed = run(&mut browser, "import os; print(os.environ['JPY_SESSION_NAME'])").await;
    eventually("nothing runs", async || {
        let requests = client.get(&format!("/api/kernels/{kernel}/requests")).await;
        let requests = requests.expect(200).json();
        let mut states = requests["requests"].as_array()?.iter();
        states.all(|request| request["state"] == "done").then_some(())
    })
    .await;
    let document = text(&printed);
    document.trim().rsplit('/').next().unwrap().to_owned()
}

/// What was printed before may be given again.
async fn until_it_sleeps(browser: &mut TestSocket, sleeping: &Message) {
    let id = sleeping.header().unwrap().msg_id.into_owned();
    let says_so = |message: &Message| kind(message) == "stream" && parent(message) == id;
    browser.until("it sleeps", says_so).await;
}

async fn usage_of(client: &TestClient, kernel: &str) -> Value {
    let usage = format!("/api/metrics/v1/kernel_usage/get_usage/{kernel}");
    client.get(&usage).await.expect(200).json()["content"].clone()
}

#[tokio::test]
async fn a_host_of_the_first_version_is_taken_over_with_all_that_runs_and_is_not_asked_for_what_it_lacks() {
    let (_home, server, between, session) = taken_over(0).await;
    let (client, kernel) = (server.client(), kernel_of(&session));
    let usage = usage_of(&client, &kernel).await;
    assert!(
        usage["reason"].is_string() && usage["kernel_memory"].is_null(),
        "{usage}"
    );
    let model = client
        .get(&format!("/api/kernels/{kernel}"))
        .await
        .expect(200)
        .json();
    assert!(model.get("usage").is_none(), "{model}");
    assert_eq!(document_after_a_restart(&client, &session).await, "x.ipynb");
    assert!(!between.said().contains("server measure"), "{}", between.said());
    end_kernel(&client, &kernel).await;
}

#[tokio::test]
async fn a_host_of_an_older_version_does_what_it_can() {
    let (_home, server, _between, session) = taken_over(2).await;
    let (client, kernel) = (server.client(), kernel_of(&session));
    assert!(usage_of(&client, &kernel).await["kernel_memory"].is_u64());
    assert_eq!(document_after_a_restart(&client, &session).await, "y.ipynb");
    end_kernel(&client, &kernel).await;
}

#[tokio::test]
async fn what_a_newer_host_or_server_adds_is_ignored_by_the_other() {
    let (_home, server, between, session) = taken_over(99).await;
    let (client, kernel) = (server.client(), kernel_of(&session));
    assert!(usage_of(&client, &kernel).await["kernel_memory"].is_u64());
    assert_eq!(document_after_a_restart(&client, &session).await, "y.ipynb");
    assert!(between.said().contains("server measure"), "{}", between.said());
    end_kernel(&client, &kernel).await;
}

//! A debugger in a real ipykernel: it is asked on the control channel while a cell stands still.

use serde_json::{Value, json};
use test_support::{TestSocket, request};
use wire::{Channel, Message, Subprotocol};

use super::{cell, content, ipykernel::socket, is_idle, kind, parent, text};

const CODE: &str = "x = 6\ny = x * 7\nprint(y)";

/// A front end's debugger.
struct Debugger {
    socket: TestSocket,
    asked: u64,
    /// What came on iopub meanwhile.
    heard: Vec<Message>,
}

impl Debugger {
    /// What the debugger answers to a command of the Debug Adapter Protocol.
    async fn ask(&mut self, command: &str, arguments: Value) -> Value {
        self.asked += 1;
        let asked = json!({"type": "request", "seq": self.asked, "command": command, "arguments": arguments});
        let question = request(Channel::Control, "debug_request", "session", &asked);
        self.socket.send(&question).await;
        let id = question.header().unwrap().msg_id.to_string();
        let reply = self
            .heard("the debugger's answer", "debug_reply", |reply| {
                parent(reply) == id
            })
            .await;
        assert_eq!(reply.channel, Channel::Control);
        let answer = content(&reply);
        assert_eq!(
            (&answer["success"], &answer["command"]),
            (&json!(true), &json!(command)),
            "{answer}"
        );
        answer["body"].clone()
    }

    async fn event(&mut self, event: &str) -> Value {
        let is_it = |message: &Message| content(message)["event"] == event;
        let heard = self.heard(event, "debug_event", is_it).await;
        assert_eq!(heard.channel, Channel::Iopub);
        content(&heard)["body"].clone()
    }

    /// What has come already, or is waited for.
    async fn heard(&mut self, what: &str, msg_type: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        let is_it = |message: &&Message| kind(message) == msg_type && is_it(message);
        loop {
            if let Some(heard) = self.heard.iter().find(is_it) {
                return heard.clone();
            }
            let next = self.socket.next().await;
            self.heard
                .push(next.unwrap_or_else(|| panic!("the server closed before {what}")));
        }
    }
}

#[tokio::test]
async fn a_cell_stops_at_a_breakpoint_and_goes_on() {
    for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
        let (_server, socket) = socket(subprotocol).await;
        let mut debugger = Debugger {
            socket,
            asked: 0,
            heard: Vec::new(),
        };
        let features = json!({
            "clientID": "test", "adapterID": "python", "pathFormat": "path",
            "linesStartAt1": true, "columnsStartAt1": true,
        });
        debugger.ask("initialize", features).await;
        debugger.ask("attach", json!({})).await;
        let dumped = debugger.ask("dumpCell", json!({"code": CODE})).await;
        let source = json!({"path": dumped["sourcePath"]});
        let breakpoints = json!({"source": source, "breakpoints": [{"line": 2}], "sourceModified": false});
        let set = debugger.ask("setBreakpoints", breakpoints).await;
        assert_eq!(
            (&set["breakpoints"][0]["verified"], &set["breakpoints"][0]["line"]),
            (&json!(true), &json!(2))
        );
        debugger.ask("configurationDone", json!({})).await;

        let cell = cell(CODE);
        debugger.socket.send(&cell).await;
        let stopped = debugger.event("stopped").await;
        assert_eq!(stopped["reason"], "breakpoint");
        let thread = json!({"threadId": stopped["threadId"]});
        let stack = debugger.ask("stackTrace", thread.clone()).await;
        let frame = &stack["stackFrames"][0];
        assert_eq!(
            (&frame["line"], &frame["source"]["path"]),
            (&json!(2), &source["path"])
        );
        let asked = json!({"expression": "x", "frameId": frame["id"]});
        assert_eq!(debugger.ask("evaluate", asked).await["result"], "6");
        assert_eq!(text(&debugger.heard), "", "the cell did not stand still");

        debugger.ask("continue", thread).await;
        let id = cell.header().unwrap().msg_id.to_string();
        debugger
            .heard("the end of the cell", "execute_reply", |_| true)
            .await;
        debugger
            .heard("its idle", "status", |status| {
                is_idle(status) && parent(status) == id
            })
            .await;
        assert_eq!(text(&debugger.heard), "42\n");
        debugger
            .ask(
                "disconnect",
                json!({"restart": false, "terminateDebuggee": false}),
            )
            .await;
    }
}

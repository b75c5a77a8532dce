//! What the kernel answers to which request.

use serde_json::{Value, json};
use zeromq::{RouterSendHalf, SocketSend};

use crate::{Ended, execute::Executor, kernel::Interrupt, sockets::Request, speaker::Speaker};

/// How long the sockets get to write what is queued before the kernel ends: they have no flush to wait for.
const LINGER: std::time::Duration = std::time::Duration::from_millis(50);

/// What comes after an answer.
pub(crate) enum Answered {
    GoOn,
    End(Ended),
}

/// Answers one request as ipykernel: busy, what it does, reply, idle. Unknown types get no answer at all.
pub(crate) async fn answer(
    request: &Request,
    speaker: &Speaker,
    interrupt: &Interrupt,
    executor: Option<&mut Executor>,
    replies: &mut RouterSendHalf,
) -> Answered {
    let Ok(header) = request.message.header() else {
        return Answered::GoOn;
    };
    let parent = &request.message.header;
    let content: Value = serde_json::from_slice(&request.message.content).unwrap_or_default();
    let msg_type = &*header.msg_type;

    speaker.status("busy", parent).await;
    let mut ended = None;
    let reply = match (msg_type, executor) {
        ("execute_request", Some(executor)) => match executor.execute(request, &content).await {
            Ok(reply) => Some(reply),
            Err(ended) => return Answered::End(ended),
        },
        ("history_request", Some(executor)) => Some(json!({"status": "ok", "history": executor.history()})),
        ("shutdown_request", _) => {
            ended = Some(Ended::ShutDown);
            Some(json!({"status": "ok", "restart": content["restart"]}))
        }
        ("interrupt_request", _) => {
            interrupt.interrupt();
            Some(json!({"status": "ok"}))
        }
        ("comm_msg", _) => {
            // Echoed, so that what a client sent can be seen: content and buffers, byte by byte.
            let message = &request.message;
            speaker
                .publish_raw(
                    "comm_msg",
                    parent,
                    message.content.clone(),
                    message.buffers.clone(),
                )
                .await;
            None
        }
        (other, _) => fixed_reply(other, &content),
    };
    if let Some(reply) = reply {
        let reply_type = msg_type.replace("_request", "_reply");
        let message = speaker.message(
            request.message.channel,
            &reply_type,
            parent,
            reply.to_string().into(),
        );
        if ended.is_some() {
            // ipykernel tells everyone that it ends.
            speaker.publish("shutdown_reply", parent, &reply).await;
        }
        // A failed send is a client that left.
        let _ = replies
            .send(speaker.frames(request.identities.iter().cloned(), message))
            .await;
    }
    speaker.status("idle", parent).await;
    match ended {
        Some(ended) => {
            tokio::time::sleep(LINGER).await;
            Answered::End(ended)
        }
        None => Answered::GoOn,
    }
}

/// Replies that need no state.
fn fixed_reply(msg_type: &str, content: &Value) -> Option<Value> {
    let reply = match msg_type {
        "kernel_info_request" => json!({
            "status": "ok",
            "protocol_version": "5.3",
            "implementation": "fake",
            "implementation_version": env!("CARGO_PKG_VERSION"),
            "language_info": {"name": "fake", "version": "1", "mimetype": "text/plain", "file_extension": ".txt"},
            "banner": "A synthetic kernel",
            "help_links": [],
            "debugger": false,
        }),
        "complete_request" => {
            let code = content["code"].as_str().unwrap_or_default();
            let matches: Vec<&str> = WORDS
                .iter()
                .copied()
                .filter(|word| word.starts_with(code))
                .collect();
            let end = content["cursor_pos"].as_u64().unwrap_or_default();
            json!({"status": "ok", "matches": matches, "cursor_start": 0, "cursor_end": end, "metadata": {}})
        }
        "inspect_request" => {
            json!({"status": "ok", "found": true, "data": {"text/plain": content["code"]}, "metadata": {}})
        }
        "is_complete_request" => json!({"status": "complete"}),
        "comm_info_request" => json!({"status": "ok", "comms": {}}),
        "debug_request" => json!({
            "type": "response",
            "request_seq": content["seq"],
            "command": content["command"],
            "success": true,
            "body": {"isStarted": false, "breakpoints": [], "stoppedThreads": []},
        }),
        // comm_open, comm_close and the unknown.
        _ => return None,
    };
    Some(reply)
}

/// What completion offers.
const WORDS: [&str; 8] = [
    "print", "burst", "display", "input", "sleep", "error", "exit", "stderr",
];

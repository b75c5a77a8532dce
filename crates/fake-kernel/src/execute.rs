//! Runs one cell's script.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use wire::Channel;
use zeromq::SocketSend;

use crate::{
    Command, Ended, Script,
    kernel::Interrupt,
    sockets::{Request, Router},
    speaker::Speaker,
};

/// The display id of the one comm this kernel speaks on.
const COMM_ID: &str = "fake-comm";

/// Runs cells one after the other, and remembers them.
pub(crate) struct Executor {
    speaker: Arc<Speaker>,
    stdin: Router,
    interrupts: watch::Receiver<u64>,
    execution_count: u64,
    history: Vec<(u64, String)>,
}

/// How a cell ends before its last line.
enum Stop {
    Error { ename: &'static str, evalue: String },
    Exit(i32),
}

impl Executor {
    pub(crate) fn new(speaker: Arc<Speaker>, stdin: Router, interrupt: &Interrupt) -> Self {
        Self {
            speaker,
            stdin,
            interrupts: interrupt.subscribe(),
            execution_count: 0,
            history: Vec::new(),
        }
    }

    /// Every cell so far, as `history_reply` has them.
    pub(crate) fn history(&self) -> Vec<(u64, u64, &str)> {
        self.history
            .iter()
            .map(|(count, code)| (1, *count, code.as_str()))
            .collect()
    }

    /// Runs a cell; returns its reply, or how it ended the kernel.
    pub(crate) async fn execute(&mut self, request: &Request, content: &Value) -> Result<Value, Ended> {
        let parent = &request.message.header;
        let code = content["code"].as_str().unwrap_or_default();
        let silent = content["silent"].as_bool().unwrap_or(false);
        if !silent {
            if content["store_history"].as_bool().unwrap_or(true) {
                self.execution_count += 1;
                self.history.push((self.execution_count, code.to_owned()));
            }
            let input = json!({"code": code, "execution_count": self.execution_count});
            self.speaker.publish("execute_input", parent, &input).await;
        }
        match self
            .run(request, code, content["allow_stdin"].as_bool().unwrap_or(true))
            .await
        {
            Ok(()) => Ok(json!({
                "status": "ok",
                "execution_count": self.execution_count,
                "user_expressions": {},
                "payload": [],
            })),
            Err(Stop::Exit(code)) => Err(Ended::Exit(code)),
            Err(Stop::Error { ename, evalue }) => {
                let mut error =
                    json!({"ename": ename, "evalue": evalue, "traceback": [format!("{ename}: {evalue}")]});
                self.speaker.publish("error", parent, &error).await;
                error["status"] = "error".into();
                error["execution_count"] = self.execution_count.into();
                Ok(error)
            }
        }
    }

    async fn run(&mut self, request: &Request, code: &str, allow_stdin: bool) -> Result<(), Stop> {
        let Script(commands) = code.parse().map_err(|line| Stop::Error {
            ename: "SyntaxError",
            evalue: format!("`{line}` is no command"),
        })?;
        self.interrupts.mark_unchanged();
        let mut interrupts = self.interrupts.clone();
        for command in commands {
            tokio::select! {
                biased;
                Ok(()) = interrupts.changed() => {
                    return Err(Stop::Error { ename: "KeyboardInterrupt", evalue: String::new() });
                }
                done = self.run_command(request, command, allow_stdin) => done?,
            }
        }
        Ok(())
    }

    async fn run_command(
        &mut self,
        request: &Request,
        command: Command,
        allow_stdin: bool,
    ) -> Result<(), Stop> {
        let parent = &request.message.header;
        match command {
            Command::Print(text) => self.stream(parent, "stdout", &format!("{text}\n")).await,
            Command::Stderr(text) => self.stream(parent, "stderr", &format!("{text}\n")).await,
            Command::PrintNumbers { count, every } => {
                for number in 0..count {
                    if let Some(every) = every {
                        tokio::time::sleep(every).await;
                    }
                    self.stream(parent, "stdout", &format!("{number}\n")).await;
                }
            }
            Command::Burst { count, bytes } => {
                for number in 0..count {
                    let content = numbered(number, bytes);
                    self.speaker
                        .publish_raw("stream", parent, content, Vec::new())
                        .await;
                }
            }
            Command::Paced { count, bytes, per_ms } => {
                let mut ticks = tokio::time::interval(Duration::from_millis(1));
                for number in 0..count {
                    if number % per_ms == 0 {
                        ticks.tick().await;
                    }
                    self.speaker
                        .publish_or_drop("stream", parent, numbered(number, bytes));
                }
            }
            Command::Display(bytes) => {
                let content =
                    json!({"data": {"text/plain": "x".repeat(bytes)}, "metadata": {}, "transient": {}});
                self.speaker.publish("display_data", parent, &content).await;
            }
            Command::Show { id, text } => self.display("display_data", parent, &id, &text).await,
            Command::Update { id, text } => self.display("update_display_data", parent, &id, &text).await,
            Command::Result(text) => {
                let count = self.execution_count;
                let content = json!({"execution_count": count, "data": {"text/plain": text}, "metadata": {}});
                self.speaker.publish("execute_result", parent, &content).await;
            }
            Command::Buffers { count, bytes } => {
                let buffers = (0..count)
                    .map(|number| Bytes::from(vec![number; bytes]))
                    .collect();
                let content = json!({"comm_id": COMM_ID, "data": {}}).to_string();
                self.speaker
                    .publish_raw("comm_msg", parent, content.into(), buffers)
                    .await;
            }
            Command::Capture { comm_id, begins } => {
                let header = request.message.header().ok();
                let id = header.filter(|_| begins).map(|header| header.msg_id.into_owned());
                let state = json!({"msg_id": id.unwrap_or_default()});
                let data = json!({"method": "update", "state": state, "buffer_paths": []});
                let content = json!({"comm_id": comm_id, "data": data});
                self.speaker.publish("comm_msg", parent, &content).await;
            }
            Command::Clear => {
                self.speaker
                    .publish("clear_output", parent, &json!({"wait": true}))
                    .await
            }
            Command::Sleep(duration) => tokio::time::sleep(duration).await,
            Command::Input(prompt) => {
                let answer = self.ask(request, &prompt, allow_stdin).await?;
                self.stream(parent, "stdout", &format!("{answer}\n")).await;
            }
            Command::Unsigned(count) => {
                for _ in 0..count {
                    self.speaker.publish_unsigned(parent).await;
                }
            }
            Command::Hostile(hostility) => self.speaker.turn(hostility),
            Command::Error(evalue) => {
                return Err(Stop::Error {
                    ename: "RuntimeError",
                    evalue,
                });
            }
            Command::Exit(code) => return Err(Stop::Exit(code)),
        }
        Ok(())
    }

    async fn stream(&self, parent: &Bytes, name: &str, text: &str) {
        self.speaker
            .publish("stream", parent, &json!({"name": name, "text": text}))
            .await;
    }

    async fn display(&self, msg_type: &str, parent: &Bytes, id: &str, text: &str) {
        let content = json!({"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": id}});
        self.speaker.publish(msg_type, parent, &content).await;
    }

    /// Asks whoever sent `request`, and waits for the answer.
    async fn ask(&mut self, request: &Request, prompt: &str, allow_stdin: bool) -> Result<String, Stop> {
        if !allow_stdin {
            let evalue = "the frontend does not support input requests".to_owned();
            return Err(Stop::Error {
                ename: "StdinNotImplementedError",
                evalue,
            });
        }
        // As ipykernel: what was said before the question is no answer to it.
        let signer = self.speaker.signer();
        while let Ok(Some(_)) = tokio::time::timeout(Duration::ZERO, self.stdin.requests.next(signer)).await {
        }
        let content = json!({"prompt": prompt, "password": false}).to_string();
        let question = self.speaker.message(
            Channel::Stdin,
            "input_request",
            &request.message.header,
            content.into(),
        );
        let frames = self.speaker.frames(request.identities.iter().cloned(), question);
        self.stdin
            .replies
            .send(frames)
            .await
            .map_err(|error| Stop::Error {
                ename: "RuntimeError",
                evalue: format!("nobody to ask: {error}"),
            })?;
        let lost = || Stop::Error {
            ename: "EOFError",
            evalue: String::new(),
        };
        let answer = self
            .stdin
            .requests
            .next(self.speaker.signer())
            .await
            .ok_or_else(lost)?;
        let content: Value = serde_json::from_slice(&answer.message.content).unwrap_or_default();
        Ok(content["value"].as_str().unwrap_or_default().to_owned())
    }
}

/// The content of a `stream` message whose text begins with a number and has so many bytes.
fn numbered(number: u64, bytes: usize) -> Bytes {
    let number = number.to_string();
    // Not by a format width: that ends at 65,535.
    let padding = " ".repeat(bytes.saturating_sub(number.len()));
    format!(r#"{{"name":"stdout","text":"{number}{padding}"}}"#).into()
}

//! `/api/kernels/{kernel_id}/requests`: what ran in a kernel and what came of it, for clients that were not there.
//!
//! A page that is opened anew has another session, and front ends show no outputs of requests they have not sent. Here they
//! are in the form of a notebook; what comes after them is had with `?since=` on the channels.

use std::time::Duration;

use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use channels::{CellOutputs, Output, Place, RetellingRoom, Retold, retell};
use contents::ContentsError;
use futures::{Stream, stream};
use http::header::CONTENT_TYPE;
use kernels::{Execution, KernelManager, Position, jupyter_time};
use serde::Serialize;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{ApiError, AppState, ChannelsConfig, resources::Kernels};

/// The outputs of all requests together, in bytes; those that lack some are marked.
const OUTPUTS_BYTES_MAX: usize = 64 << 20;

/// So much of an answer is written at once.
const PIECE_BYTES: usize = 256 << 10;

/// How long others wait for one who is slow to take a long answer.
const PLACE_TIME_MAX: Duration = Duration::from_secs(30);

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/api/kernels/{kernel_id}/requests", list)
}

/// The requests of a kernel, with their outputs.
async fn list(
    auth: Authorized<Read, Kernels>,
    State(kernels): State<KernelManager>,
    State(channels): State<ChannelsConfig>,
    State(room): State<RetellingRoom>,
) -> Result<Response, ApiError> {
    let kernel = kernels.get(auth.resource())?;
    let place = room.enter(kernel.id()).await.ok_or(ContentsError::Stopping)?;
    let position = kernel.position();
    let executions = kernel.executions();
    let filters = &channels.filters;
    let retold = retell(&kernel, executions, position, filters, OUTPUTS_BYTES_MAX).await;
    let answer = Answer {
        pieces: Pieces::of(position, retold),
        _place: keep(place),
    };
    let json = [(CONTENT_TYPE, "application/json")];
    Ok(match answer.next().await? {
        (Some(whole), None) => (json, whole).into_response(),
        (first, rest) => (json, Body::from_stream(followed(first, rest))).into_response(),
    })
}

/// Gives the place back when the guard is dropped, or when it was held for too long.
fn keep(place: Place) -> DropGuard {
    let done = CancellationToken::new();
    let dropped = done.clone();
    tokio::spawn(async move {
        // Either way somebody else's turn has come.
        let _in_time = tokio::time::timeout(PLACE_TIME_MAX, dropped.cancelled()).await;
        drop(place);
    });
    done.drop_guard()
}

/// What ran lately, on its way out.
struct Answer {
    pieces: Pieces,
    _place: DropGuard,
}

impl Answer {
    /// The next piece, and the rest of the answer unless that was all. Written on a thread for such work.
    async fn next(mut self) -> Result<(Option<Bytes>, Option<Self>), ContentsError> {
        let writing = tokio::task::spawn_blocking(move || {
            let piece = self.pieces.next();
            let is_done = self.pieces.is_done;
            (piece, (!is_done).then_some(self))
        });
        writing.await.map_err(|_| ContentsError::Stopping)
    }
}

/// A piece and those after it.
fn followed(first: Option<Bytes>, rest: Option<Answer>) -> impl Stream<Item = Result<Bytes, ContentsError>> {
    stream::try_unfold((first, rest), async |(first, rest)| match (first, rest) {
        (Some(first), rest) => Ok(Some((first, (None, rest)))),
        (None, None) => Ok(None),
        (None, Some(answer)) => {
            let (piece, rest) = answer.next().await?;
            Ok(piece.map(|piece| (piece, (None, rest))))
        }
    })
}

/// The JSON of an answer, piece by piece: `position`, where to go on (for `?since=`), and `requests`, oldest first.
struct Pieces {
    begin: Option<Vec<u8>>,
    requests: std::vec::IntoIter<Retold>,
    /// Of the request that is being written.
    outputs: Option<std::vec::IntoIter<Output>>,
    is_done: bool,
}

/// A request to run code, without its `outputs`.
#[derive(Serialize)]
struct RequestModel {
    msg_id: Box<str>,
    /// The cell, if the front end said so.
    cell_id: Option<Box<str>>,
    state: &'static str,
    asked: String,
    execution_count: Option<u64>,
    /// Whether these are all outputs it has had so far.
    complete: bool,
}

impl RequestModel {
    fn of(execution: Execution, outputs: &CellOutputs) -> Self {
        let state = match (execution.first, execution.ended) {
            (_, Some(_)) => "done",
            (Some(_), None) => "running",
            (None, None) => "queued",
        };
        Self {
            msg_id: execution.msg_id,
            cell_id: execution.cell_id,
            state,
            asked: jupyter_time(execution.asked),
            execution_count: outputs.execution_count,
            complete: outputs.is_complete,
        }
    }
}

impl Pieces {
    fn of(position: Position, retold: Vec<Retold>) -> Self {
        Self {
            begin: Some(format!("{{\"position\":{},\"requests\":[", position.0).into_bytes()),
            requests: retold.into_iter(),
            outputs: None,
            is_done: false,
        }
    }

    /// Writes one thing more.
    fn step(&mut self, piece: &mut Vec<u8>) -> serde_json::Result<()> {
        let Some(outputs) = &mut self.outputs else {
            return self.begin_request(piece);
        };
        match outputs.next() {
            Some(output) => {
                serde_json::to_writer(&mut *piece, &output)?;
                separate(piece, outputs);
            }
            None => {
                piece.extend_from_slice(b"]}");
                self.outputs = None;
                separate(piece, &self.requests);
            }
        }
        Ok(())
    }

    fn begin_request(&mut self, piece: &mut Vec<u8>) -> serde_json::Result<()> {
        let Some(Retold { execution, outputs }) = self.requests.next() else {
            piece.extend_from_slice(b"]}");
            self.is_done = true;
            return Ok(());
        };
        serde_json::to_writer(&mut *piece, &RequestModel::of(execution, &outputs))?;
        // Its last member follows.
        piece.pop();
        piece.extend_from_slice(b",\"outputs\":[");
        self.outputs = Some(outputs.into_outputs().into_iter());
        Ok(())
    }
}

fn separate<T>(piece: &mut Vec<u8>, rest: &std::vec::IntoIter<T>) {
    if rest.len() > 0 {
        piece.push(b',');
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = self.begin.take().unwrap_or_default();
        while !self.is_done && piece.len() < PIECE_BYTES {
            if let Err(error) = self.step(&mut piece) {
                // All of it was JSON. What comes out is cut short, and so no answer to anybody.
                tracing::error!(%error, "failed to write the requests of a kernel as JSON");
                self.is_done = true;
            }
        }
        (!piece.is_empty()).then(|| piece.into())
    }
}

//! The bytes of one request, from the network to the disk, a piece at a time.

use authorization::{Act, Authorized, Changes, Resource};
use axum::body::{Body, BodyDataStream};
use contents::{Checksum, ContentsPath, UploadError, UploadStatus, UploadWriter};
use futures::StreamExt;
use http::HeaderMap;

use super::{now, tus, write_contents};
use crate::ApiError;

/// What the client says of the bytes it sends.
pub(super) struct Ending {
    /// The checksum of this request's.
    chunk: Option<Checksum>,
    /// The checksum of the whole file.
    whole: Option<Checksum>,
}

impl Ending {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(Self {
            chunk: tus::chunk_checksum(headers)?,
            whole: tus::whole_checksum(headers)?,
        })
    }
}

/// Takes the whole body. When it breaks off, what has come is kept, unless it can't be checked.
pub(super) async fn receive<A: Act, R: Resource>(
    auth: &Authorized<A, R>,
    path: &ContentsPath,
    mut writer: UploadWriter,
    body: Body,
    ending: Ending,
) -> Result<UploadStatus, ApiError> {
    if let Some(checksum) = ending.chunk {
        writer.expect(checksum);
    }
    match take(auth, path, &mut writer, body.into_data_stream()).await {
        Ok(()) => Ok(writer.finish(ending.whole, now()).await?),
        Err(Stop::TakenOver) => {
            let offset = writer.pause(now()).await?.offset;
            Err(UploadError::TakenOver { offset }.into())
        }
        Err(Stop::Error(error)) => {
            writer.pause(now()).await?;
            Err(error)
        }
    }
}

/// Why not all of a body was taken.
enum Stop {
    TakenOver,
    Error(ApiError),
}

async fn take<A: Act, R: Resource>(
    auth: &Authorized<A, R>,
    path: &ContentsPath,
    writer: &mut UploadWriter,
    mut body: BodyDataStream,
) -> Result<(), Stop> {
    let mut changes = auth.changes();
    loop {
        let piece = tokio::select! {
            biased;
            () = writer.taken_over() => return Err(Stop::TakenOver),
            piece = body.next() => piece,
        };
        still_allowed(auth, path, &mut changes)
            .await
            .map_err(Stop::Error)?;
        match piece {
            None => return Ok(()),
            Some(Ok(bytes)) => writer
                .write(bytes)
                .await
                .map_err(|error| Stop::Error(error.into()))?,
            Some(Err(error)) => {
                let message = format!("the body of the request broke off: {error}");
                return Err(Stop::Error(ApiError::BadRequest(message)));
            }
        }
    }
}

/// Asks again if the answer may be another by now.
async fn still_allowed<A: Act, R: Resource>(
    auth: &Authorized<A, R>,
    path: &ContentsPath,
    changes: &mut Changes,
) -> Result<(), ApiError> {
    if !changes.seen() {
        return Ok(());
    }
    auth.also::<A, R>(authorization::Unchecked::new(auth.resource().clone()))
        .await?;
    write_contents(auth, path.clone()).await.map(|_| ())
}

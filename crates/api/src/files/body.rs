//! The bytes of an open file as the body of an answer, in constant memory.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use axum::body::{Body, Bytes};
use contents::OpenFile;
use tokio::task::JoinHandle;

/// Bytes read from the disk at once: a system call and a change of threads for each cost next to nothing, and two
/// pieces fit into a processor's cache.
const PIECE_BYTES: u64 = 512 << 10;

/// A file that is read piece by piece; the next piece is read while one is sent.
struct Pieces {
    next: JoinHandle<io::Result<(std::fs::File, Bytes)>>,
    /// Bytes that are still to come, the next piece included.
    left: u64,
}

/// A part of a file.
pub(super) fn body(open: OpenFile, part: Range<u64>) -> Body {
    let within = |all: &Bytes| {
        let (start, end) = (usize::try_from(part.start).ok()?, usize::try_from(part.end).ok()?);
        (start <= end && end <= all.len()).then(|| all.slice(start..end))
    };
    if let Some(small) = open.small.as_ref().and_then(within) {
        return Body::from(small);
    }
    let left = part.end.saturating_sub(part.start);
    if left == 0 {
        return Body::empty();
    }
    let mut file = open.file;
    let next = tokio::task::spawn_blocking(move || {
        file.seek(SeekFrom::Start(part.start))?;
        read(file, left)
    });
    Body::from_stream(futures::stream::try_unfold(Some(Pieces { next, left }), piece))
}

async fn piece(pieces: Option<Pieces>) -> io::Result<Option<(Bytes, Option<Pieces>)>> {
    let Some(Pieces { next, left }) = pieces else {
        return Ok(None);
    };
    let (file, bytes) = next.await.map_err(io::Error::other)??;
    let left = left.saturating_sub(bytes.len() as u64);
    let rest = (left > 0).then(|| Pieces {
        next: tokio::task::spawn_blocking(move || read(file, left)),
        left,
    });
    Ok(Some((bytes, rest)))
}

/// The next piece of a file that has so many bytes left; an error where it has become shorter meanwhile, because its
/// length was announced.
fn read(file: std::fs::File, left: u64) -> io::Result<(std::fs::File, Bytes)> {
    let wanted = left.min(PIECE_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
    (&file).take(wanted).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((file, bytes.into()))
}

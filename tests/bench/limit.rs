//! The bare handler: what remains of the contents service when nobody asks who may, what it means, or whether it is
//! valid. It reads and writes the same bytes with the same durability, on the same HTTP stack.
//!
//! A program of its own (this one, started again), so that its time and memory are measured like a server's.

use std::{
    convert::Infallible,
    fs::{self, File},
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_blocking;

/// The argument that makes this program the bare handler.
pub(crate) const WORD: &str = "bare-handler";
/// Bytes read from a streamed file at once.
const CHUNK_BYTES: usize = 1 << 20;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves until it is killed.
pub(crate) async fn serve(arguments: &[String]) -> Result<()> {
    let value = |name: &str| {
        let found = arguments.iter().find_map(|argument| argument.strip_prefix(name));
        found.with_context(|| format!("{name} is missing"))
    };
    let port: u16 = value("--ServerApp.port=")?.parse()?;
    let root: Arc<Path> = PathBuf::from(value("--ServerApp.root_dir=")?).into();
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let root = Arc::clone(&root);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(Arc::clone(&root), request));
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(served); // a client that is gone is the client's business
        });
    }
}

async fn answer(root: Arc<Path>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let response = match respond(&root, request).await {
        Ok(body) => Response::new(body),
        Err(_) => {
            let mut missing = Response::new(full(Bytes::new()));
            *missing.status_mut() = StatusCode::NOT_FOUND;
            missing
        }
    };
    Ok(response)
}

async fn respond(root: &Path, request: Request<Incoming>) -> Result<Body> {
    let path = request.uri().path().to_owned();
    if path == "/api" {
        return Ok(full(Bytes::from_static(b"{}")));
    }
    if let Some(name) = path.strip_prefix("/files/") {
        return streamed(root.join(name)).await;
    }
    let name = path.strip_prefix("/api/contents/").context("no such route")?;
    let file = root.join(name);
    if request.method() == Method::PUT {
        let body = request.into_body().collect().await?.to_bytes();
        spawn_blocking(move || write(&file, &body)).await??;
        return Ok(full(Bytes::from_static(b"{}")));
    }
    let bytes = spawn_blocking(move || match file.is_dir() {
        true => list(&file),
        false => fs::read(&file),
    });
    Ok(full(bytes.await??.into()))
}

/// `readdir` and `stat`: the names and sizes.
fn list(directory: &Path) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        writeln!(
            lines,
            "{} {} {}",
            entry.file_name().display(),
            metadata.len(),
            metadata.mtime()
        )?;
    }
    Ok(lines)
}

/// A temporary file, forced to disk, renamed; the rename forced to disk, too.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = file.with_extension("tmp");
    let mut created = File::create(&temporary)?;
    created.write_all(bytes)?;
    created.sync_all()?;
    fs::rename(&temporary, file)?;
    File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// One piece at a time, each read on a blocking thread.
async fn streamed(file: PathBuf) -> Result<Body> {
    let (file, first) = spawn_blocking(move || piece(File::open(file)?)).await??;
    if first.len() < CHUNK_BYTES {
        return Ok(full(first));
    }
    let rest = futures::stream::try_unfold(file, |file| async {
        let (file, bytes) = spawn_blocking(move || piece(file))
            .await
            .map_err(io::Error::other)??;
        Ok((!bytes.is_empty()).then_some((bytes, file)))
    });
    let all = futures::stream::iter([Ok(first)])
        .chain(rest)
        .map(|bytes| bytes.map(Frame::data));
    Ok(StreamBody::new(all).boxed_unsync())
}

fn piece(mut file: File) -> io::Result<(File, Bytes)> {
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    Read::by_ref(&mut file)
        .take(CHUNK_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok((file, bytes.into()))
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

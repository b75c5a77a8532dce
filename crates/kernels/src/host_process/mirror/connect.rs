//! Connecting to a host.

use std::io;

use tokio::{net::UnixStream, time::timeout};

use super::peer::Peer;
use crate::host_process::{
    protocol::{
        Attached, FrameReader, FrameWriter, GREETING_TIMEOUT, HostSays, Kind, ProtocolError, Version, Wanted,
        frame_bytes_max, greet_host, split, unproven_bytes_max,
    },
    setup::HostAddress,
    socket_path,
};

/// A host that knows us.
pub(super) struct Connected {
    pub(super) reader: FrameReader,
    pub(super) writer: FrameWriter,
    pub(super) attached: Attached,
    pub(super) version: Version,
    /// Its process, where the system tells.
    pub(super) peer: Option<Peer>,
}

/// Connects.
pub(super) async fn connect_to(
    address: &HostAddress,
    message_bytes_max: usize,
    wanted: Wanted,
) -> Result<Connected, ProtocolError> {
    let stream = call(address).await?;
    // Held before it proves anything: whoever proves it then was not another before.
    let peer = Peer::of(&stream);
    let (mut reader, mut writer) = split(stream, unproven_bytes_max());
    let version = greet_host(&mut reader, &mut writer, &address.secret, wanted).await?;
    reader.allow(frame_bytes_max(message_bytes_max));
    let attached = timeout(GREETING_TIMEOUT, attached(&mut reader))
        .await
        .map_err(|_| ProtocolError::TimedOut)??;
    Ok(Connected {
        reader,
        writer,
        attached,
        version,
        peer,
    })
}

/// Kills whoever listens where the host should, as far as the system tells who that is, and says whether nobody does any
/// more. Only our user can listen there.
pub(super) async fn kill(address: &HostAddress) -> bool {
    let peer = match call(address).await {
        Ok(stream) => Peer::of(&stream),
        Err(error) => return is_gone(&error),
    };
    match peer {
        Some(peer) => {
            peer.kill();
            peer.ended().await
        }
        None => false,
    }
}

async fn call(address: &HostAddress) -> Result<UnixStream, ProtocolError> {
    let connecting = timeout(GREETING_TIMEOUT, socket_path::connect(&address.socket));
    Ok(connecting.await.map_err(|_| ProtocolError::TimedOut)??)
}

/// Whether nobody listens there, nor will again. All else says nothing of a host: it may be stopped for a while, or the
/// server was, and has lost its turn.
pub(super) fn is_gone(error: &ProtocolError) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(error, ProtocolError::Io { source } if matches!(source.kind(), NotFound | ConnectionRefused))
}

async fn attached(reader: &mut FrameReader) -> Result<Attached, ProtocolError> {
    loop {
        let frame = reader.next().await?;
        if frame.kind != Kind::Control {
            continue;
        }
        if let HostSays::Attached(attached) =
            serde_json::from_slice(&frame.body).map_err(ProtocolError::bad)?
        {
            return Ok(*attached);
        }
    }
}

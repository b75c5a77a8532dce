//! Connecting to a host.

use tokio::net::UnixStream;

use crate::{
    Position,
    host_process::{
        protocol::{
            Attached, FrameReader, FrameWriter, GREETING_TIMEOUT, HostSays, Kind, ProtocolError, Version,
            frame_bytes_max, greet_host, split, unproven_bytes_max,
        },
        setup::HostAddress,
        socket_path,
    },
};

/// A host that knows us.
pub(super) struct Connected {
    pub(super) reader: FrameReader,
    pub(super) writer: FrameWriter,
    pub(super) attached: Attached,
    pub(super) version: Version,
}

/// Connects. What the kernel says comes from `from` on, or with `None` from now on.
pub(super) async fn connect_to(
    address: &HostAddress,
    message_bytes_max: usize,
    from: Option<Position>,
) -> Result<Connected, ProtocolError> {
    let stream = UnixStream::from_std(socket_path::connect(&address.socket)?)?;
    let (mut reader, mut writer) = split(stream, unproven_bytes_max());
    let version = greet_host(&mut reader, &mut writer, &address.secret, from).await?;
    reader.allow(frame_bytes_max(message_bytes_max));
    let attached = tokio::time::timeout(GREETING_TIMEOUT, attached(&mut reader))
        .await
        .map_err(|_| ProtocolError::TimedOut)??;
    Ok(Connected {
        reader,
        writer,
        attached,
        version,
    })
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

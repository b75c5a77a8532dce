//! What stands between the iopub socket of a kernel that may turn hostile and its clients: it passes everything on until
//! a cell says `hostile …`, and then sends what no kernel sends, in the middle of what was there.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncWriteExt, copy, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::Hostility;

/// Serves `listener` with what listens at `inner`; and with what `hostility` says as soon as it says something.
pub(crate) async fn pass_on(
    listener: TcpListener,
    inner: SocketAddr,
    hostility: watch::Receiver<Option<Hostility>>,
) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, inner, hostility.clone()));
    }
}

async fn serve(
    mut client: TcpStream,
    inner: SocketAddr,
    mut hostility: watch::Receiver<Option<Hostility>>,
) -> io::Result<()> {
    let mut kernel = TcpStream::connect(inner).await?;
    let turned = tokio::select! {
        // The one or the other has left.
        _left = copy_bidirectional(&mut client, &mut kernel) => return Ok(()),
        turned = hostility.wait_for(Option::is_some) => turned.ok().and_then(|hostility| *hostility),
    };
    let Some(hostility) = turned else { return Ok(()) };
    client.write_all(&bytes(hostility)).await?;
    // Holds on to the client until it leaves.
    copy(&mut client, &mut tokio::io::sink()).await?;
    Ok(())
}

fn bytes(hostility: Hostility) -> Vec<u8> {
    match hostility {
        Hostility::Bytes => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        Hostility::Lengths => {
            let long_frame: u8 = 0b10;
            let announced: u64 = 1 << 40;
            let mut bytes = vec![long_frame];
            bytes.extend(announced.to_be_bytes());
            bytes.extend([b'x'; 1_000]);
            bytes
        }
    }
}

//! One client and one kernel, until one of them, or the server, has had enough.

use std::pin::pin;

use futures::{Sink, Stream};
use kernels::{Attachment, Kernel};
use tokio::sync::{mpsc, watch};

use crate::{
    Client, ClientGone, Closed, Incoming, Outgoing, Permissions, downlink, permissions::Verdicts, uplink,
};

/// Carries messages between a client and a kernel until a reason to stop comes up, and returns it.
///
/// `stop` completes when somebody outside wants the connection closed: the permission to listen is withdrawn, or
/// the server stops. Whoever calls sends the close frame ([`Closed::code`]) and drops the connection.
/// Dropping `attachment`, at the latest with the return, remembers how far the client is; when the same client
/// attaches again it goes on from there.
pub async fn bridge<Down, Up, P>(
    client: Client<'_, Down, Up>,
    kernel: &Kernel,
    attachment: Attachment,
    permissions: P,
    stop: impl Future<Output = Closed>,
) -> Closed
where
    Down: Sink<Outgoing, Error = ClientGone> + Unpin,
    Up: Stream<Item = Result<Incoming, ClientGone>> + Unpin,
    P: Permissions,
{
    let Client {
        outgoing,
        incoming,
        subprotocol,
        limits,
        filters,
    } = client;
    let client = attachment.client().clone();
    let superseded = attachment.superseded();
    // What the server itself has to say goes from the uplink to the downlink.
    let (made_sender, made) = mpsc::channel(limits.made_messages_max);
    let (confirmed_sender, confirmed) = watch::channel(attachment.position());
    let mut downlink = pin!(downlink::run(
        outgoing,
        kernel,
        attachment,
        downlink::FromUplink { made, confirmed },
        subprotocol,
        limits,
        filters.of_connection()
    ));
    let outlet = uplink::Outlet {
        kernel,
        client,
        made: made_sender,
    };
    let uplink = uplink::Uplink {
        outlet: &outlet,
        subprotocol,
        verdicts: Verdicts::new(permissions),
        filters,
        confirmed: confirmed_sender,
        limits,
    };
    let mut uplink = pin!(uplink.run(incoming));
    tokio::select! {
        // Reasons to stop come before messages.
        biased;
        closed = stop => closed,
        () = superseded => Closed::Superseded,
        closed = &mut uplink => closed,
        closed = &mut downlink => closed,
    }
}

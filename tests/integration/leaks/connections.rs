//! WebSockets.

use test_support::eventually;

use super::footprint::{Footprint, memory_bytes};
use super::{at_rest, connect_and_leave, until_right};
use crate::channels::start_kernel;
use crate::server::process::Home;

/// After so many what is kept at all is kept: more than the clients that are remembered.
const WARM_UP: usize = 300;

/// A thousand that keep 8 kB each would be beyond. What the kernel said on them is kept, and may be 4 MB.
const GROWTH_BYTES_MAX: u64 = 8 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_leave_nothing_behind() {
    let home = Home::new();
    let server = home.start(&["server", "--port=0"]).await;
    let kernel = start_kernel(&server.client()).await;
    let until_gone = async || {
        // A client of its own, whose connections do not count when it is gone.
        let client = server.client();
        eventually("no connections", async || {
            let model = client
                .get(&format!("/api/kernels/{kernel}"))
                .await
                .expect(200)
                .json();
            (model["connections"] == 0 && model["execution_state"] == "idle").then_some(())
        })
        .await;
    };
    connect_and_leave(&server.client(), &kernel, WARM_UP).await;
    until_gone().await;
    let before = at_rest(|| Footprint::of(&server, &home)).await;
    let memory = memory_bytes(&server);
    connect_and_leave(&server.client(), &kernel, 1_000).await;
    until_gone().await;
    until_right(|| Footprint::of(&server, &home), |after| after.is_within(&before)).await;
    let growth = memory_bytes(&server).saturating_sub(memory);
    assert!(growth < GROWTH_BYTES_MAX, "{memory} bytes and {growth} more");
}

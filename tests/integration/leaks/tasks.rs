//! Tasks: of a server in the test's own runtime, where nothing else runs but the test and its clients.

use test_support::TestServer;
use tokio::runtime::Handle;

use super::{at_rest, connect_and_leave, start_and_end, until_right};
use crate::channels::start_kernel;

fn tasks_alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_kernels_leave_no_tasks_behind() {
    let server = TestServer::start().await;
    let kernel = start_kernel(&server.as_owner()).await;
    // A kernel that somebody was connected to is looked after until it ends.
    connect_and_leave(&server.as_owner(), &kernel, 1).await;
    let before = at_rest(tasks_alive).await;
    // Clients have tasks, too, until they are dropped.
    connect_and_leave(&server.as_owner(), &kernel, 1_000).await;
    start_and_end(&server.as_owner(), 20, "print 20 times").await;
    until_right(tasks_alive, |alive| *alive <= before).await;
}

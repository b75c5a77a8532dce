//! Plain HTTP load over connections that stay open.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;

use crate::side::{Server, TOKEN};

/// Times of single requests, and the whole.
pub(crate) struct Measured {
    sorted: Vec<Duration>,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// The shortest body seen, in bytes.
    pub(crate) body_bytes_min: usize,
}

impl Measured {
    /// Of times taken one after another.
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let elapsed = times.iter().sum();
        Self {
            sorted: times,
            elapsed,
            body_bytes_min: 0,
        }
    }

    /// How many requests there were.
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The time that `percentile` per cent of the requests stay under, in milliseconds.
    pub(crate) fn percentile_ms(&self, percentile: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let index = ((last as f64) * percentile / 100.0).round() as usize;
        self.sorted
            .get(index)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

/// Asks for `path` `requests` times over `connections` connections.
pub(crate) async fn repeat(
    server: &Server,
    path: &str,
    connections: usize,
    requests: usize,
) -> Result<Measured> {
    let each = requests.div_ceil(connections);
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        // A client for each task is a connection for each task.
        let client = reqwest::Client::builder().tcp_nodelay(true).build()?;
        let url = server.url(path);
        tasks.spawn(async move {
            let mut times = Vec::with_capacity(each);
            let mut shortest = usize::MAX;
            for _ in 0..each {
                let begin = Instant::now();
                let answer = client
                    .get(&url)
                    .header("Authorization", format!("token {TOKEN}"))
                    .send()
                    .await?;
                ensure!(answer.status() == 200, "{url}: {}", answer.status());
                shortest = shortest.min(answer.bytes().await?.len());
                times.push(begin.elapsed());
            }
            Ok::<_, anyhow::Error>((times, shortest))
        });
    }
    let (mut sorted, mut body_bytes_min) = (Vec::with_capacity(requests), usize::MAX);
    while let Some(done) = tasks.join_next().await {
        let (times, shortest) = done??;
        sorted.extend(times);
        body_bytes_min = body_bytes_min.min(shortest);
    }
    let elapsed = begin.elapsed();
    sorted.sort();
    Ok(Measured {
        sorted,
        elapsed,
        body_bytes_min,
    })
}

/// Saves `bodies` at `path` in turn, one time after the other over one connection.
pub(crate) async fn save(server: &Server, path: &str, bodies: &[Bytes], times: usize) -> Result<Measured> {
    let client = reqwest::Client::builder().tcp_nodelay(true).build()?;
    let url = server.url(path);
    let mut taken = Vec::with_capacity(times);
    for body in bodies.iter().cycle().take(times) {
        let begin = Instant::now();
        let answer = client
            .put(&url)
            .header("Authorization", format!("token {TOKEN}"))
            .header("Content-Type", "application/json")
            .body(body.clone())
            .send()
            .await?;
        ensure!(answer.status().is_success(), "{url}: {}", answer.status());
        answer.bytes().await?;
        taken.push(begin.elapsed());
    }
    Ok(Measured::of(taken))
}

/// Reads the body at `path` piece by piece, keeping none of it.
pub(crate) async fn drain(server: &Server, path: &str, times: usize) -> Result<Measured> {
    let client = reqwest::Client::builder().tcp_nodelay(true).build()?;
    let url = server.url(path);
    let mut taken = Vec::with_capacity(times);
    let mut shortest = usize::MAX;
    for _ in 0..times {
        let begin = Instant::now();
        let mut answer = client
            .get(&url)
            .header("Authorization", format!("token {TOKEN}"))
            .send()
            .await?;
        ensure!(answer.status() == 200, "{url}: {}", answer.status());
        let mut bytes = 0;
        while let Some(piece) = answer.chunk().await? {
            bytes += piece.len();
        }
        shortest = shortest.min(bytes);
        taken.push(begin.elapsed());
    }
    let mut measured = Measured::of(taken);
    measured.body_bytes_min = shortest;
    Ok(measured)
}

//! The two servers, side by side on equal directories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use test_support::{TOKEN, TestServer};

use super::answer::Answer;
use super::connection::Connection;
use super::directory;
use super::intended;
use super::reference::Reference;
use super::request::{As, Request};

/// Settings that both servers get.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    pub(super) settings: &'static [(&'static str, &'static str)],
    /// With a slash at both ends.
    pub(super) base_url: &'static str,
}

impl Configuration {
    /// Nothing is set.
    pub(super) const DEFAULT: Self = Self {
        settings: &[],
        base_url: "/",
    };
}

/// One of the two.
struct Side {
    connection: Connection,
    port: u16,
    /// The directory with `root`, `outside` and `home`.
    directories: PathBuf,
    /// What a browser would send back, and the token in it against forged requests.
    cookies: String,
    xsrf: String,
}

/// Both, with what keeps them running.
pub(super) struct Pair {
    base_url: &'static str,
    ours: Side,
    theirs: Side,
    _server: TestServer,
    _reference: Reference,
}

/// A request and what both answered, and in what the directories differ after it.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) request: Request,
    pub(super) ours: Answer,
    pub(super) theirs: Answer,
    pub(super) on_disk: Vec<String>,
    /// Whether what stands before `/checkpoints` or `/trust` was a file.
    pub(super) is_of_file: bool,
}

impl Exchange {
    pub(super) fn is_equal(&self) -> bool {
        self.ours == self.theirs && self.on_disk.is_empty()
    }
}

/// What came of a sequence.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) requests: usize,
    /// Index in the sequence, and what was not intended.
    pub(super) wrong: Vec<(usize, Exchange)>,
}

impl Pair {
    pub(super) async fn start(configuration: &Configuration) -> Self {
        let settings = configuration.settings.iter();
        let mut settings: Vec<_> = settings
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        settings.push(("ServerApp.base_url", configuration.base_url.to_owned()));
        let mut builder = TestServer::builder().policy("owner");
        for (name, value) in &settings {
            builder = builder.setting(name, value);
        }
        let root = builder.root();
        let (server, reference) = tokio::join!(builder.start(), Reference::start(&settings));
        let port = server.server().local_address().expect("a TCP address").port();
        let mut pair = Self {
            base_url: configuration.base_url,
            ours: Side::new(port, &root),
            theirs: Side::new(reference.port, &reference.root()),
            _server: server,
            _reference: reference,
        };
        pair.fill();
        for side in [&mut pair.ours, &mut pair.theirs] {
            side.log_in(configuration.base_url).await;
        }
        pair
    }

    /// The same things on both sides, as at the start of every sequence.
    pub(super) fn fill(&self) {
        for side in [&self.ours, &self.theirs] {
            directory::fill(&side.root());
            directory::clear(&side.trash());
        }
    }

    /// Both directories as ours is now.
    pub(super) fn make_equal(&self) {
        directory::copy(&self.ours.root(), &self.theirs.root());
        directory::copy(&self.ours.trash(), &self.theirs.trash());
        directory::copy(&self.ours.outside(), &self.theirs.outside());
    }

    /// Sends one request to both.
    pub(super) async fn exchange(&mut self, request: &Request) -> Exchange {
        let path = request.decoded_path();
        let before = path
            .rsplit_once("/checkpoints")
            .or_else(|| path.rsplit_once("/trust"));
        let before = before.and_then(|(path, _)| path.strip_prefix("api/contents"));
        let is_of_file = before.is_some_and(|path| self.ours.root().join(path.trim_matches('/')).is_file());
        let (ours, theirs) = tokio::join!(
            self.ours.send(self.base_url, request),
            self.theirs.send(self.base_url, request)
        );
        Exchange {
            request: request.clone(),
            ours,
            theirs,
            on_disk: directory::differences(&self.ours.snapshot(), &self.theirs.snapshot()),
            is_of_file,
        }
    }

    /// Sends a sequence from the start. After a difference the directories are made equal again, so that each is
    /// found on its own.
    pub(super) async fn run(&mut self, requests: &[Request]) -> Outcome {
        self.fill();
        let mut outcome = Outcome::default();
        for (index, request) in requests.iter().enumerate() {
            let exchange = self.exchange(request).await;
            outcome.requests += 1;
            if exchange.is_equal() {
                continue;
            }
            if !exchange.on_disk.is_empty() {
                self.make_equal();
            }
            let left = intended::explained(exchange);
            if !left.is_equal() {
                outcome.wrong.push((index, left));
            }
        }
        outcome
    }

    /// A shorter sequence whose last request is still answered otherwise: parts are dropped, large ones first.
    pub(super) async fn shrink(&mut self, mut requests: Vec<Request>) -> Vec<Request> {
        let mut size = requests.len() / 2;
        while size > 0 {
            let mut start = 0;
            while start + size < requests.len() {
                let mut fewer = requests.clone();
                fewer.drain(start..start + size);
                let outcome = self.run(&fewer).await;
                let fails = outcome
                    .wrong
                    .last()
                    .is_some_and(|(index, _)| index + 1 == fewer.len());
                match fails {
                    true => requests = fewer,
                    false => start += size,
                }
            }
            size /= 2;
        }
        requests
    }

    /// Sends an example from the start; the exchange of its last request.
    pub(super) async fn last(&mut self, requests: &[Request]) -> Exchange {
        self.fill();
        let mut last = None;
        for request in requests {
            last = Some(self.exchange(request).await);
        }
        last.expect("an example has requests")
    }
}

/// An exchange for people: only what differs, and not too much of it.
pub(super) fn describe(exchange: &Exchange) -> String {
    let mut text = cut(&exchange.request.to_string());
    let (ours, theirs) = (&exchange.ours, &exchange.theirs);
    for (name, side, other) in [("ours:  ", ours, theirs), ("theirs:", theirs, ours)] {
        let headers = side
            .headers
            .iter()
            .filter(|(name, value)| other.headers.get(*name) != Some(value));
        let headers: Vec<_> = headers.collect();
        let body = if side.body == other.body && side.status == other.status {
            "the same".to_owned()
        } else {
            from_difference(&side.body.to_string(), &other.body.to_string())
        };
        text += &format!("\n    {name} {} {headers:?} {body}", side.status);
    }
    for line in exchange.on_disk.iter().take(5) {
        text += &format!("\n    on disk {}", cut(line));
    }
    text
}

fn cut(text: &str) -> String {
    text.chars().take(600).collect()
}

/// A long text from shortly before it differs from the other.
fn from_difference(text: &str, other: &str) -> String {
    let same = text
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other);
    match same.count().saturating_sub(300) {
        0 => cut(text),
        start => format!("…{}", cut(&text.chars().skip(start).collect::<String>())),
    }
}

impl Side {
    fn new(port: u16, root: &Path) -> Self {
        Self {
            connection: Connection::new(port),
            port,
            directories: root.parent().expect("a parent").to_owned(),
            cookies: String::new(),
            xsrf: String::new(),
        }
    }

    fn root(&self) -> PathBuf {
        self.directories.join("root")
    }

    fn outside(&self) -> PathBuf {
        self.directories.join("outside")
    }

    fn trash(&self) -> PathBuf {
        self.directories.join("home/.local/share/Trash/files")
    }

    fn snapshot(&self) -> BTreeMap<String, String> {
        let mut all = directory::snapshot(&self.root());
        for (name, directory) in [("outside", self.outside()), ("trash", self.trash())] {
            let found = directory::snapshot(&directory).into_iter();
            all.extend(found.map(|(path, what)| (format!("({name}) {path}"), what)));
        }
        all
    }

    /// The cookies of a browser that saw the login page, and then a page opened with the token.
    async fn log_in(&mut self, base_url: &str) {
        let mut cookies = BTreeMap::new();
        for page in ["login".to_owned(), format!("view/a.txt?token={TOKEN}")] {
            let request = Request::new("GET", page).by(As::Nobody);
            let target = format!("{base_url}{}", request.target);
            let answer = self.connection.send(&target, &request, &[]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
            let set = set.filter_map(|(_, value)| value.split(';').next()?.split_once('='));
            cookies.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        self.xsrf = cookies.get("_xsrf").expect("the login page sets `_xsrf`").clone();
        let cookies = cookies.iter().map(|(name, value)| format!("{name}={value}"));
        self.cookies = cookies.collect::<Vec<_>>().join("; ");
    }

    async fn send(&mut self, base_url: &str, request: &Request) -> Answer {
        let own = format!("http://127.0.0.1:{}", self.port);
        let header = |name: &str, value: &str| (name.to_owned(), value.replace("SELF", &own));
        let mut headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| header(name, value))
            .collect();
        match request.by {
            As::Token => headers.push(header("Authorization", &format!("token {TOKEN}"))),
            As::Cookies => headers.push(header("Cookie", &self.cookies)),
            As::Page => {
                headers.push(header("Cookie", &self.cookies));
                headers.push(header("X-XSRFToken", &self.xsrf));
            }
            As::Nobody => {}
        }
        let root = self.root();
        let target = request.target.replace("ROOT", &root.display().to_string());
        let raw = self
            .connection
            .send(&format!("{base_url}{target}"), request, &headers)
            .await;
        Answer::of(&raw, &root, &own)
    }
}

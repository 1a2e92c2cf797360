//! A real PostgreSQL of the tests' own: in a temporary folder, on a socket, as somebody who is not root. It ends with the
//! process that started it, whatever becomes of that.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What is said where there is no PostgreSQL: a test that did not run shows nothing.
const MISSING: &str = "PostgreSQL is needed for these tests: install the package `postgresql`";

/// How long a start may take on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A running database.
pub struct Cluster {
    dir: tempfile::TempDir,
    programs: PathBuf,
    child: Option<Child>,
}

/// The one that all tests of this binary share.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::start)
}

/// Where the programs of PostgreSQL are: Debian does not put them on the path.
fn programs() -> PathBuf {
    let mut places: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    debian.sort();
    places.extend(debian.into_iter().rev());
    let all = |dir: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|program| dir.join(program).exists());
    places.into_iter().find(all).unwrap_or_else(|| panic!("{MISSING}"))
}

/// Runs as somebody else where we are root: the database refuses to be.
fn as_nobody(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command
}

/// The processes that one started.
fn children(of: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let is_child = |stat: &str| stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(of);
    let child = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        is_child(&stat).then(|| entry.file_name().into_string().ok()).flatten()
    };
    processes.filter_map(child).collect()
}

impl Cluster {
    /// Makes and starts one.
    pub fn start() -> Self {
        let programs = programs();
        let dir = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
        let chown = Command::new("chown").arg("65534:65534").arg(dir.path()).stderr(Stdio::null()).status();
        drop(chown);
        let mut made = as_nobody(&programs.join("initdb"));
        made.current_dir("/").env("HOME", dir.path());
        made.args(["-A", "trust", "-U", "seatrial", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]);
        let made = made.arg(dir.path().join("data")).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut cluster = Self { dir, programs, child: None };
        cluster.set("listen_addresses = ''\nmax_connections = 300\nshared_buffers = 64MB\n");
        cluster.run();
        cluster
    }

    /// Adds to the database's settings; they hold from its next start.
    pub fn set(&self, settings: &str) {
        use std::io::Write as _;
        let file = self.dir.path().join("data/postgresql.conf");
        let mut file = std::fs::OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(settings.as_bytes()).unwrap();
    }

    /// Puts a file among the database's own, for it alone.
    pub fn put(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.dir.path().join("data").join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        drop(Command::new("chown").arg("65534:65534").arg(&file).stderr(Stdio::null()).status());
    }

    /// Starts the database, and waits until it answers.
    pub fn run(&mut self) {
        // A shell waits for the end of its input, which comes with our end, and ends the database.
        let script = r#""$1" -D "$2/data" -k "$2" >>"$2/log" 2>&1 & pid=$!; echo $pid > "$2/pid"; read -r _; kill -INT $pid 2>/dev/null; wait $pid"#;
        let mut shell = as_nobody(Path::new("/bin/sh"));
        shell.current_dir("/").args(["-c", script, "sh"]).arg(self.programs.join("postgres")).arg(self.dir.path());
        self.child = Some(shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        while !self.answers() {
            assert!(began.elapsed() < STARTS_WITHIN, "{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        let mut asked = Command::new(self.programs.join("psql"));
        asked.args(["-h"]).arg(self.dir.path()).args(["-U", "seatrial", "-d", "postgres", "-c", "SELECT 1"]);
        asked.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    }

    /// What the database wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Its address, for somebody.
    pub fn url_of(&self, user: &str) -> String {
        format!("host={} user={user} dbname=postgres", self.dir.path().display())
    }

    /// Its address, for its owner.
    pub fn url(&self) -> String {
        self.url_of("seatrial")
    }

    /// The process of the database itself.
    pub fn pid(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("pid")).unwrap().trim().to_owned()
    }

    /// Sends a signal to a process, and to those that it started where it is the database itself.
    pub fn signal(&self, signal: &str, pid: &str) {
        drop(Command::new("kill").args([signal, pid]).stderr(Stdio::null()).status());
    }

    /// Ends the database without a word, and whatever it started.
    pub fn kill(&mut self) {
        let pid = self.pid();
        let children = children(&pid);
        self.signal("-KILL", &pid);
        for child in children {
            self.signal("-KILL", &child);
        }
        if let Some(mut shell) = self.child.take() {
            drop(shell.stdin.take());
            shell.wait().unwrap();
        }
        // It is left behind by an end like this, and keeps the next start waiting only where its process lives.
        drop(std::fs::remove_file(self.dir.path().join("data/postmaster.pid")));
    }

    /// Runs SQL as the owner; gives what it prints.
    pub fn sql(&self, sql: &str) -> String {
        self.sql_as("seatrial", sql).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs SQL as somebody; what it prints, or what was refused.
    pub fn sql_as(&self, user: &str, sql: &str) -> Result<String, String> {
        let mut asked = Command::new(self.programs.join("psql"));
        asked.args(["-h"]).arg(self.dir.path()).args(["-U", user, "-d", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1"]);
        let answer = asked.args(["-c", sql]).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if answer.status.success() { Ok(text(&answer.stdout)) } else { Err(text(&answer.stderr)) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut shell) = self.child.take() {
            drop(shell.stdin.take());
            drop(shell.wait());
        }
    }
}

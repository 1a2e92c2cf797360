//! One connection, used by one thread: what it asks is waited for, but not for ever.

use super::schema::check_name;
use super::tls::{self, Tls};
use crate::error::StoreError;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Connection, Row, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long making a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(4);

/// How long the database may take for one statement; the longest insert a piece of a log that is taken over.
const STATEMENT_MAX: Duration = Duration::from_secs(20);

/// How long one answer is waited for: a database that is there says by itself that a statement took too long.
const ANSWER_MAX: Duration = Duration::from_secs(22);

/// How long a log's row is waited for. Whoever holds it longer is cut off before.
pub(crate) const LOCK_MAX: Duration = Duration::from_secs(8);

/// How long a node may hold a log's row and ask nothing: one that is paused loses its transaction after that.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(5);

/// How long bytes may stay unacknowledged by the other machine.
const UNHEARD_MAX: Duration = Duration::from_secs(6);

/// What has to be polled for a connection to go on.
pub(crate) type Connected = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Where the database is, and how it is called there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    config: Arc<Config>,
    tls: Tls,
    pub(crate) schema: String,
    /// Whether transactions that wait for their caller are ended by the database.
    node: String,
}

impl Place {
    pub(crate) fn new(url: &str, schema: &str, node: &str) -> Result<Self, StoreError> {
        let schema = check_name("the schema", schema)?.to_owned();
        let (mut config, tls) = tls::read(url)?;
        config.connect_timeout(CONNECT_MAX).tcp_user_timeout(UNHEARD_MAX);
        config.application_name(format!("seatrial:{node}"));
        Ok(Self { config: Arc::new(config), tls, schema, node: node.to_owned() })
    }

    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    pub(crate) fn channel(&self) -> String {
        format!("seatrial_{}", self.schema)
    }

    /// Whether the database is reached over TLS.
    pub(crate) fn is_protected(&self) -> bool {
        self.tls.is_asked()
    }

    /// Makes a connection, and what has to be polled for it to go on.
    pub(crate) async fn connect(&self) -> Result<(Client, Connected), tokio_postgres::Error> {
        self.config.connect(self.tls.connector()).await
    }

    /// What every connection says first.
    pub(crate) fn greeting(&self) -> String {
        format!(
            "SET search_path TO {}; SET statement_timeout = {}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = {}; SET synchronous_commit = on",
            self.schema,
            STATEMENT_MAX.as_millis(),
            LOCK_MAX.as_millis(),
            IDLE_MAX.as_millis()
        )
    }
}

/// One connection.
pub(crate) struct Db {
    place: Place,
    runtime: Runtime,
    client: Option<Client>,
    prepared: RefCell<HashMap<String, Statement>>,
}

impl Db {
    /// Without a connection yet.
    pub(crate) fn new(place: Place) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| StoreError::Database(format!("no runtime could be made: {e}")))?;
        Ok(Self { place, runtime, client: None, prepared: RefCell::default() })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Connects, where there is no connection.
    pub(crate) fn ready(&mut self) -> Result<(), StoreError> {
        if self.client.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        self.let_go();
        let place = self.place.clone();
        let connected = self.runtime.block_on(async {
            let connecting = tokio::time::timeout(CONNECT_MAX, place.connect());
            let (client, connection) = connecting.await.map_err(|_| unreachable_after(CONNECT_MAX))?.map_err(lost)?;
            // It ends when the client is dropped; what went wrong is told by what was asked.
            drop(tokio::spawn(async move { drop(connection.await) }));
            client.batch_execute(&place.greeting()).await.map_err(classify)?;
            Ok::<Client, StoreError>(client)
        })?;
        self.client = Some(connected);
        Ok(())
    }

    /// Ends the connection, and with it whatever transaction is open.
    pub(crate) fn let_go(&mut self) {
        self.prepared.borrow_mut().clear();
        self.client = None;
    }

    /// Whether there is a connection that is known to work.
    pub(crate) fn is_there(&self) -> bool {
        self.client.as_ref().is_some_and(|client| !client.is_closed())
    }

    fn client(&self) -> Result<&Client, StoreError> {
        self.client.as_ref().ok_or_else(|| StoreError::Database("there is no connection to the database".to_owned()))
    }

    fn wait<T>(&self, asked: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, StoreError> {
        let answer = self.runtime.block_on(async { tokio::time::timeout(ANSWER_MAX, asked).await });
        answer.map_err(|_| unreachable_after(ANSWER_MAX))?.map_err(classify)
    }

    fn statement(&self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(found) = self.prepared.borrow().get(sql) {
            return Ok(found.clone());
        }
        let made = self.wait(self.client()?.prepare(sql))?;
        self.prepared.borrow_mut().insert(sql.to_owned(), made.clone());
        Ok(made)
    }

    /// Statements without parameters.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.wait(self.client()?.batch_execute(sql))
    }

    /// Runs one statement, and says how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64, StoreError> {
        let statement = self.statement(sql)?;
        self.wait(self.client()?.execute(&statement, params))
    }

    /// The rows of a query.
    pub(crate) fn many<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        get: impl FnMut(&Row) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let statement = self.statement(sql)?;
        let rows = self.wait(self.client()?.query(&statement, params))?;
        rows.iter().map(get).collect::<Result<_, _>>().map_err(classify)
    }

    /// The first row of a query.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        get: impl FnMut(&Row) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.many(sql, params, get)?.into_iter().next())
    }

    /// Runs within a transaction that is taken back where it fails.
    pub(crate) fn transaction<T>(
        &mut self,
        begin: &str,
        run: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.ready()?;
        self.batch(begin)?;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(self)));
        let outcome = outcome.unwrap_or(Err(StoreError::Panicked));
        let ended = self.batch(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" });
        if ended.is_err() {
            self.let_go();
        }
        let value = outcome?;
        ended?;
        Ok(value)
    }
}

fn unreachable_after(waited: Duration) -> StoreError {
    StoreError::Database(format!("it did not answer within {} s", waited.as_secs()))
}

/// What went wrong while connecting; never the address.
pub(crate) fn lost(error: tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        Some(_) => classify(error),
        None => StoreError::Database(format!("it cannot be reached: {}", causes(&error))),
    }
}

/// An error in the store's words.
pub(crate) fn classify(error: tokio_postgres::Error) -> StoreError {
    let Some(said) = error.as_db_error() else { return StoreError::Database(causes(&error)) };
    let text = said.message().to_owned();
    match *said.code() {
        SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY => StoreError::Full(text),
        SqlState::LOCK_NOT_AVAILABLE => {
            StoreError::Database(format!("the log is held by another node that does not go on ({text})"))
        }
        _ => StoreError::Database(text),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

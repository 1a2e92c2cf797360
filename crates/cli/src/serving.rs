//! Gateway and pages on one listener.

mod files;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::operations::Operations;
use crate::place;
use crate::telemetry::Telemetry;
use crate::web::HttpWeb;
use seatrial_factory::Factory;
use seatrial_gateway::{Gateway, Limits};
use seatrial_model::Body;
use seatrial_server::{AppState, FactoryBackend, Options};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is served in the background.
pub(crate) struct Serving {
    address: SocketAddr,
    backend: Arc<FactoryBackend>,
    app: AppState<FactoryBackend>,
    following: JoinHandle<()>,
    ticking: JoinHandle<()>,
    fleet: JoinHandle<()>,
    witnessing: JoinHandle<()>,
    counting: JoinHandle<()>,
    telemetry: Arc<Telemetry>,
    factory: Factory,
    end: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Starts to serve a factory.
    pub(crate) async fn start(factory: Factory, listen: &str, drain_wait: Duration) -> Result<Self, Failure> {
        let failed =
            |e: std::io::Error| Failure::usage(format!("`{listen}` cannot be listened on ({e}); nothing is served"));
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (end, mut ended) = watch::channel(false);
        let backend = Arc::new(FactoryBackend::new(factory.clone()));
        let sign_in = factory.sign_in();
        let web = HttpWeb::new(factory.root()).map_err(|e| {
            Failure::failed(format!("the way to other services cannot be opened: {e}; nothing is served"))
        })?;
        // Where browsers come through TLS, their cookies go nowhere else.
        let tls = sign_in.is_some_and(|s| s.address.starts_with("https://"));
        let app = AppState::with_web(Arc::clone(&backend), Options { tls }, Some(Arc::new(web)))
            .map_err(|e| Failure::failed(format!("sessions need random numbers: {e}; nothing is served")))?;
        // Whatever is recorded, by whomever, refreshes open pages.
        let following = seatrial_server::factory::watch(&app, &factory);
        let ticking = tokio::spawn(tick(factory.clone()));
        let fleet = tokio::spawn(fleet(factory.clone()));
        let witnessing = tokio::spawn(witness(factory.clone()));
        let telemetry = Telemetry::start(&|name| std::env::var(name).ok()).map_err(|e| {
            Failure::usage(format!("the telemetry that OTEL_… asks for cannot be set up: {e}; nothing is served"))
        })?;
        factory.observe(Arc::clone(&telemetry) as Arc<_>);
        let counting = tokio::spawn(Arc::clone(&telemetry).follow(factory.clone()));
        let mut limits = Limits::default();
        limits.drain_wait = drain_wait;
        limits.connections_max = files::connections_max();
        let gateway = Gateway::with_limits(factory.clone(), limits).watched_by(Arc::clone(&telemetry) as Arc<_>);
        let store = place::store_of(factory.root(), &factory.spec());
        let operations = Operations::new(factory.clone(), gateway.vitals(), Arc::clone(&telemetry), &store);
        let site = operations.around(seatrial_server::router(app.clone()));
        let until = async move {
            // An error means that whoever would end it is gone: that ends it, too.
            let _ = ended.wait_for(|end| *end).await;
        };
        let task = tokio::spawn(seatrial_gateway::serve(listener, gateway, site, until));
        Ok(Self {
            address,
            backend,
            app,
            following,
            ticking,
            fleet,
            witnessing,
            counting,
            telemetry,
            factory,
            end,
            task,
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A link that signs a person in, once.
    pub(crate) fn link(&self, person: &str) -> Result<String, Failure> {
        let person = self.backend.local(person).map_err(|e| Failure::usage(e.to_string()))?;
        let path = self.app.sign_in_link(person).map_err(|e| Failure::failed(e.to_string()))?;
        Ok(format!("http://{}{path}", self.address))
    }

    /// Waits for Ctrl-C or SIGTERM. SIGHUP meanwhile reads `factory.yaml` and keys again.
    pub(crate) async fn until_interrupted(&self) -> Result<(), Failure> {
        let (mut terminate, mut interrupt) = endings()?;
        let mut hangup = hook(SignalKind::hangup())?;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => match self.factory.reload_all().await {
                    Ok(()) => tracing::info!("`factory.yaml`, keys and releases were read again"),
                    Err(error) => {
                        tracing::warn!(%error, "what could be read again was; the rest stays as it was");
                    }
                },
            }
        }
    }

    /// Finishes what is under way, and ends; a second Ctrl-C or SIGTERM ends at once.
    pub(crate) async fn end(self) {
        // The receiver is gone where the task ended by itself.
        let _ = self.end.send(true);
        tokio::spawn(at_once());
        self.following.abort();
        self.ticking.abort();
        self.fleet.abort();
        self.witnessing.abort();
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "the listener failed");
        }
        self.counting.abort();
        self.telemetry.end().await;
    }
}

fn hook(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|e| Failure::failed(format!("signals cannot be heard: {e}")))
}

fn endings() -> Result<(Signal, Signal), Failure> {
    Ok((hook(SignalKind::terminate())?, hook(SignalKind::interrupt())?))
}

/// Ends the process where it is told so once more. What was acknowledged is durable all the same; the next start notes
/// that this end was none.
async fn at_once() {
    let Ok((mut terminate, mut interrupt)) = endings() else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::warn!("ended at once, as asked: requests under way were cut");
    std::process::exit(i32::from(Exit::NotReady.code()));
}

/// Takes up what other nodes of a fleet record, as it comes.
async fn fleet(factory: Factory) {
    let mut commits = factory.store().subscribe();
    loop {
        match commits.recv().await {
            Ok(commit) => factory.take_up(&commit).await,
            Err(RecvError::Lagged(_)) => factory.take_up_all().await,
            Err(RecvError::Closed) => return,
        }
    }
}

/// How often releases are looked at where nothing happens: waivers end and people leave by the calendar.
const TICK: Duration = Duration::from_secs(60);

/// Looks at every release in force: each minute, and after every event of delivery.
async fn tick(factory: Factory) {
    let mut commits = factory.store().subscribe();
    let mut minutes = tokio::time::interval(TICK);
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = minutes.tick() => {}
            commit = commits.recv() => match commit {
                Ok(commit) if commit.events.iter().all(|e| e.body.is_running()) => continue,
                // What it missed may have been delivery.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
        factory.tick().await;
    }
}

/// Asks the witnesses whose time has come, beside everything else: each minute, and soon after a release.
async fn witness(factory: Factory) {
    let mut commits = factory.store().subscribe();
    let mut minutes = tokio::time::interval(TICK);
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let released = tokio::select! {
            _ = minutes.tick() => None,
            commit = commits.recv() => match commit {
                Ok(commit) if commit.events.iter().any(|e| matches!(e.body, Body::ReleaseCut(_))) => {
                    Some(commit.log.clone())
                }
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
        };
        match released {
            Some(log) => {
                if let Err(error) = factory.witness_now(&log).await {
                    tracing::warn!(%log, %error, "its witnesses could not be asked");
                }
            }
            None => drop(factory.witness_due().await),
        }
    }
}

//! Arguments around the store.

use clap::Subcommand;

/// `seatrial store …`.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Where the store is, what it holds, and what its logs come to
    #[command(after_help = "\
Example:
  seatrial store show
  seatrial store show --format json")]
    Show,
    /// Make the tables of a fleet's database
    #[command(after_help = "\
`factory.yaml` says `store: { postgres: { env: NAME } }`, and the variable holds the address (`postgres://…`) of somebody \
who may make a schema. Nodes need fewer rights: `seatrial store rights` gives them.

Example:
  seatrial store init")]
    Init,
    /// Print the SQL that gives nodes and readers of a fleet's database the least rights that do
    #[command(after_help = "\
Nodes may add entries and erase payloads; they can neither change nor delete what happened. Readers see no payload's bytes \
and no secrets. Needs no database; give what is printed to `psql`.

Example:
  seatrial store rights --serving seatrial_node --reading seatrial_reader")]
    Rights {
        /// The role of the nodes
        #[arg(long, value_name = "ROLE")]
        serving: String,
        /// The role of whoever only looks
        #[arg(long, value_name = "ROLE")]
        reading: String,
    },
}

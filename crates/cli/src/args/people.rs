//! Arguments about the people of the factory.

use clap::Subcommand;
use seatrial_model::Digest;
use std::path::PathBuf;

/// `seatrial people …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PeopleCommand {
    /// Who is there, away, gone, or waits for an approval
    #[command(after_help = "\
Example:
  seatrial people list
  seatrial people list --role underwriters --format json")]
    List {
        /// Only those who hold this role
        #[arg(long)]
        role: Option<String>,
    },
    /// A person: what they hold, what they approved and accepted, and whether it counts today
    #[command(after_help = "\
Also of somebody who left: what they approved while they were entitled stays valid.

Example:
  seatrial people show hana@harbour.example")]
    Show {
        /// The person's id
        person: String,
    },
    /// What would go stale if somebody left today; nothing is recorded
    #[command(after_help = "\
With a deputy who is there, what rests on the person stands for ten working days more. Exits 1 where something would go \
stale.

Example:
  seatrial people leaving hana@harbour.example")]
    Leaving {
        /// The person's id
        person: String,
    },
    /// Approve what adds rights to people: as the receiving side, and not for yourself
    #[command(after_help = "\
In a real factory a new person, another side, one more role, a key, a later last day or an earlier first day waits until \
somebody who may accept a responsibility of a workflow approves it. What takes rights away holds at once. Without a \
name, everything that waits is approved.

Example:
  seatrial people approve --show
  seatrial people approve ines@harbour.example --as hana@harbour.example")]
    Approve {
        /// Whose change; all that wait where nobody is named
        #[arg(value_name = "PERSON")]
        people: Vec<String>,
        /// Only show what would be approved
        #[arg(long, visible_alias = "dry-run")]
        show: bool,
        /// The digest that `--show` gave: with another one now, nothing is approved
        #[arg(long, value_name = "DIGEST")]
        seen: Option<Digest>,
    },
    /// Read `factory.yaml`, its directory and its rota again, at once
    #[command(after_help = "\
Every command does so before it runs, and a server every minute. Where the files have errors, everything stays as it is.

Example:
  seatrial people reload --as hana@harbour.example")]
    Reload,
    /// Take a CSV file over as the factory's directory: shows who comes, goes and changes, and writes the file
    #[command(after_help = "\
`factory.yaml` names the file: `directory: people.csv`. Its columns are id, name, side and roles, and where wanted from, \
until, deputy, reviews_per_day and keys; roles and keys are separated by `;`.

Example:
  seatrial people import export.csv --dry-run --as hana@harbour.example
  seatrial people import export.csv --as hana@harbour.example")]
    Import {
        /// The CSV file
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
    },
}

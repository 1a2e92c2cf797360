//! The desk that routes complaints: the data plane's tests serve it, and the program's.

use std::path::{Path, PathBuf};

/// A step that decides, and one that suggests and does not see the age.
pub const WORKFLOW: &str = r#"
seatrial: 1
workflow: complaints
title: "Route complaints"
purpose: "Every complaint reaches its team."
population: "Test complaints"
types:
  Complaint: schemas/complaint.json
  Routing: schemas/routing.json
roles:
  handlers: "Complaint handlers"
  supervisors: "Supervisors"
  engineering: "Delivery team"
steps:
  route:
    does: "Assign the complaint to a team"
    actor: ai
    influence: decide
    reversible: true
    input: Complaint
    output: Routing
    model: { provider: default, name: model-1-20261101, temperature: 0 }
    within: 3s
    refuse_input:
      too-long: { rule: "size(input.text) > 100", because: "Nobody reads that" }
    forbid:
      promises-money: { rule: "output.reason.matches('(?i)refund')", because: "Only finance may promise" }
      personal-data: { detect: [email], in: output.reason, else: modify }
    escalate:
      large: { when: "input.amount > 1000.0", to: handlers }
    review: { within: 4h, late: supervisors, people: 1, hold: 0s }
    override: { by: [supervisors], reasons: [wrong-team, other] }
    fallback: { to: handlers, per_day: 10, runbook: runbook.md }
  private:
    does: "The same, without the customer's age"
    actor: ai
    influence: suggest
    reversible: true
    input: Complaint
    output: Routing
    model: { provider: default, name: model-1-20261101, temperature: 0 }
    withhold: [age]
    within: 3s
    escalate:
      large: { when: "input.amount > 1000.0", to: handlers }
    review: { within: 4h, late: supervisors, people: 1, hold: 0s }
    fallback: { to: handlers, per_day: 10, runbook: runbook.md }
responsibilities:
  workflow:   { delivery: engineering, receiving: supervisors }
  changes:    { delivery: engineering, receiving: supervisors }
  exceptions: { delivery: engineering, receiving: supervisors, runbook: runbook.md }
  behaviour:  { delivery: engineering, receiving: supervisors }
  evolution:  { delivery: engineering, receiving: supervisors }
"#;

const COMPLAINT: &str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"text":{"type":"string"},"amount":{"type":"number"},"age":{"type":"integer"}},"required":["text","amount"],"additionalProperties":false}"#;

const ROUTING: &str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"team":{"type":"string","enum":["cards","loans"]},"reason":{"type":"string"}},"required":["team","reason"],"additionalProperties":false}"#;

/// Writes a workflow with its files into a factory's folder, and says where it is.
pub fn write(factory: &Path, workflow: &str) -> PathBuf {
    let flow = factory.join("workflows/complaints");
    std::fs::create_dir_all(flow.join("schemas")).unwrap();
    std::fs::write(flow.join("workflow.yaml"), workflow).unwrap();
    std::fs::write(flow.join("schemas/complaint.json"), COMPLAINT).unwrap();
    std::fs::write(flow.join("schemas/routing.json"), ROUTING).unwrap();
    std::fs::write(flow.join("runbook.md"), "By hand.\n").unwrap();
    flow
}

import os, collections, time
import pytest, httpx, schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema, events, Status
from backend.settings import Settings
from imaml.store import SCOPES, Store, Experiment
from tests.services import add_model, form

@pytest.mark.parametrize("with_keys", [False, True], ids=["local", "keys"])
def test_proto(with_keys, serve, database_url, model_file, store, examples):
    add_model(database_url, model_file, shared=True)
    headers = {}
    if with_keys:
        with store.transaction() as t:
            headers = {"Authorization": f"Bearer {t.keys.create('acme', SCOPES)[1]}"}
    with serve(Settings(database_url=database_url, max_requests_per_minute=10**9)) as url:
        adaptation = httpx.post(f"{url}/v1/adaptations", **form(examples), headers=headers, verify=False).json()["id"]
        config = SchemathesisConfig.from_dict({
            "seed": 1, "headers": headers,
            "generation": {"deterministic": True, "max-examples": int(os.environ.get("N", 5)), "database": "none", "no-shrink": True},
            "continue-on-failure": True,
            "cache": {"enabled": False},
            "dictionaries": {"adaptations": {"values": [adaptation]}, "models": {"values": ["small"]}},
            "parameters": {"path.adaptation_id": {"dictionary": "adaptations", "probability": 0.5},
                           "path.model": {"dictionary": "models", "probability": 0.5}},
        })
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
        found = collections.Counter(); shown = {}
        times = collections.Counter(); n = collections.Counter()
        statuses = collections.Counter()
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                times[event.phase.value] += event.elapsed_time
                n[event.phase.value] += len(event.recorder.cases)
                for id, i in event.recorder.interactions.items():
                    statuses[(event.phase.value, event.label, i.response.status_code if i.response else None)] += 1
                for case_id, checks in event.recorder.checks.items():
                    for c in checks:
                        if c.failure_info is not None:
                            f = c.failure_info.failure
                            case = event.recorder.cases[case_id].value
                            inter = event.recorder.interactions[case_id]
                            key = (case.operation.label, c.name, inter.response.status_code if inter.response else None)
                            found[key] += 1
                            req = inter.request
                            shown.setdefault(key, []).append((event.phase.value, f.message[:600], req.method, req.uri, (req.body or b"")[:700], {k: v for k, v in req.headers.items() if k.lower() not in ("accept","user-agent","connection","accept-encoding","authorization","x-schemathesis-testcaseid")}, (inter.response.content[:500], dict(inter.response.headers)) if inter.response else None))
            elif isinstance(event, events.NonFatalError):
                print("NONFATAL", event.label, event.info.title, event.info.message[:2000])
            elif isinstance(event, events.FatalError):
                raise event.exception
            elif isinstance(event, events.EngineFinished):
                print("FINISHED", event.running_time, event.stop_reason)
            elif isinstance(event, events.PhaseFinished):
                print("PHASE", event.phase.name, event.status, event.phase.skip_reason)
            elif isinstance(event, events.SchemaAnalysisWarnings):
                for w in event.warnings: print("WARNING", w)
        print(times, n)
        for k in sorted(found): 
            print("=====", found[k], *k)
            for one in shown[k][:2]:
                print("   ", *map(str, one), sep="\n      ")
        with open(f"/tmp/fz/status-{with_keys}.txt", "w") as f:
            for k in sorted(statuses, key=str): print(statuses[k], *k, file=f)
        assert not found

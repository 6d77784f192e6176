BEGIN TRANSACTION;
CREATE TABLE accounts (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  target_id    TEXT NOT NULL REFERENCES targets (id),
  name         TEXT NOT NULL,
  external_id  TEXT NOT NULL DEFAULT '',
  confirmed_at BIGINT NOT NULL DEFAULT 0,
  confirmed_by TEXT NOT NULL DEFAULT '',
  source       TEXT NOT NULL,
  removed_at   BIGINT NOT NULL DEFAULT 0,
  version      BIGINT NOT NULL DEFAULT 1
);
INSERT INTO "accounts" VALUES('acc-alice','alice','dir','alice','id:alice',1795338000000000,'system','file',0,2);
INSERT INTO "accounts" VALUES('acc-bob','bob','dir','bob','id:bob',1795338000000000,'system','file',0,2);
CREATE TABLE activations (
  id            TEXT PRIMARY KEY,
  assignment_id TEXT NOT NULL REFERENCES assignments (id),
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  person_id     TEXT NOT NULL,
  role_id       TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id   TEXT NOT NULL REFERENCES resources (id),
  state         TEXT NOT NULL,
  duration_s    BIGINT NOT NULL,
  justification TEXT NOT NULL DEFAULT '',
  ticket_number TEXT NOT NULL DEFAULT '',
  ticket_system TEXT NOT NULL DEFAULT '',
  requested_at  BIGINT NOT NULL,
  starts_at     BIGINT NOT NULL DEFAULT 0,
  ends_at       BIGINT NOT NULL DEFAULT 0,
  ended_at      BIGINT NOT NULL DEFAULT 0,
  confirmed_at  BIGINT NOT NULL DEFAULT 0,
  settled_at    BIGINT NOT NULL DEFAULT 0,
  settings      TEXT NOT NULL,
  verdicts      TEXT NOT NULL,
  step_up_id    TEXT NOT NULL DEFAULT '',
  ended_by      TEXT NOT NULL DEFAULT '',
  end_reason    TEXT NOT NULL DEFAULT '',
  version       BIGINT NOT NULL DEFAULT 1,
  CHECK (state NOT IN ('provisioning', 'active') OR ends_at > starts_at)
);
INSERT INTO "activations" VALUES('plywmaiqoslm4dk73wzcccypxothb36j','alice-dba','alice','alice','dba','org','active',3600,'fix the index','','',1795338000000000,1795338000000000,1795341600000000,0,1795338000000000,0,'{"max_duration":3600000000000,"default_duration":3600000000000,"step_up":"passkey","justification":true,"ticket":false,"approval":false,"approvers":null,"approval_timeout":86400000000000,"versions":{"":1}}','[{"rule":"eligibility","state":"pass","message":"Eligible without an end"},{"rule":"open","state":"pass","message":"Not active or waiting already"},{"rule":"account","state":"pass","message":"Account at Directory: alice"},{"rule":"duration","state":"pass","field":"duration","message":"1 h is within the 1 h allowed"},{"rule":"justification","state":"pass","field":"justification","message":"Reason given"},{"rule":"ticket","state":"pass","field":"ticket_number","message":"No ticket needed"},{"rule":"step_up","state":"pass","message":"Confirmed with a passkey"},{"rule":"approval","state":"pass","message":"No approval needed"}]','wcocuojxsmpdf3y46ep3rbddu3ivjobw','','',2);
INSERT INTO "activations" VALUES('77ieaus5liyg2zcd6asq6obutvgajrxn','alice-vault','alice','alice','vault','org','pending_approval',3600,'fix the index','','',1795338000000000,0,0,0,0,0,'{"max_duration":28800000000000,"default_duration":3600000000000,"step_up":"passkey","justification":true,"ticket":false,"approval":true,"approvers":["bob"],"approval_timeout":86400000000000,"versions":{"":1}}','[{"rule":"eligibility","state":"pass","message":"Eligible without an end"},{"rule":"open","state":"pass","message":"Not active or waiting already"},{"rule":"account","state":"pass","message":"Account at Directory: alice"},{"rule":"duration","state":"pass","field":"duration","message":"1 h is within the 8 h allowed"},{"rule":"justification","state":"pass","field":"justification","message":"Reason given"},{"rule":"ticket","state":"pass","field":"ticket_number","message":"No ticket needed"},{"rule":"step_up","state":"pass","message":"Confirmed with a passkey"},{"rule":"approval","state":"todo","message":"Approval by 1 person"}]','igu3huus5lhv5x4jdgfxihebu7rgbynf','','',1);
CREATE TABLE approval_decisions (
  id            TEXT PRIMARY KEY,
  activation_id TEXT NOT NULL REFERENCES activations (id),
  stage         INTEGER NOT NULL,
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  person_id     TEXT NOT NULL,
  approve       INTEGER NOT NULL,
  justification TEXT NOT NULL,
  step_up_id    TEXT NOT NULL,
  decided_at    BIGINT NOT NULL
);
CREATE TABLE approval_stages (
  activation_id TEXT NOT NULL REFERENCES activations (id),
  number        INTEGER NOT NULL,
  quorum        INTEGER NOT NULL,
  opened_at     BIGINT NOT NULL,
  times_out_at  BIGINT NOT NULL,
  closed_at     BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (activation_id, number)
);
INSERT INTO "approval_stages" VALUES('77ieaus5liyg2zcd6asq6obutvgajrxn',1,1,1795338000000000,1795424400000000,0);
CREATE TABLE assignments (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  role_id      TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id  TEXT NOT NULL REFERENCES resources (id),
  kind         TEXT NOT NULL,
  starts_at    BIGINT NOT NULL,
  ends_at      BIGINT NOT NULL DEFAULT 0,
  ended_at     BIGINT NOT NULL DEFAULT 0,
  expired      INTEGER NOT NULL DEFAULT 0,
  source       TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL DEFAULT 1
);
INSERT INTO "assignments" VALUES('alice-dba','alice','dba','org','eligible',1795338000000000,0,0,0,'file',1795338000000000,1);
INSERT INTO "assignments" VALUES('alice-vault','alice','vault','org','eligible',1795338000000000,0,0,0,'file',1795338000000000,1);
CREATE TABLE audit_checkpoints (
  size BIGINT NOT NULL PRIMARY KEY,
  note TEXT NOT NULL,
  at   BIGINT NOT NULL
);
CREATE TABLE audit_entries (
  seq         BIGINT NOT NULL PRIMARY KEY,
  at          BIGINT NOT NULL,
  type        TEXT NOT NULL,
  actor_id    TEXT NOT NULL,
  subject_id  TEXT NOT NULL DEFAULT '',
  role_id     TEXT NOT NULL DEFAULT '',
  resource_id TEXT NOT NULL DEFAULT '',
  target_id   TEXT NOT NULL DEFAULT '',
  object_id   TEXT NOT NULL DEFAULT '',
  correlation TEXT NOT NULL DEFAULT '',
  result      TEXT NOT NULL,
  leaf        TEXT NOT NULL
);
INSERT INTO "audit_entries" VALUES(0,1795338000000000,'target.saved','system','','','','stint','stint','','ok','{"actor":"system","at":1795338000000000,"object":"stint","result":"ok","seq":0,"target":"stint","type":"target.saved","v":1}');
INSERT INTO "audit_entries" VALUES(1,1795338000000000,'resource.saved','system','','','stint','','stint','','ok','{"actor":"system","at":1795338000000000,"object":"stint","resource":"stint","result":"ok","seq":1,"type":"resource.saved","v":1}');
INSERT INTO "audit_entries" VALUES(2,1795338000000000,'role.saved','system','','stint-privileged-role-administrator','','','stint-privileged-role-administrator','','ok','{"actor":"system","at":1795338000000000,"object":"stint-privileged-role-administrator","result":"ok","role":"stint-privileged-role-administrator","seq":2,"type":"role.saved","v":1}');
INSERT INTO "audit_entries" VALUES(3,1795338000000000,'settings.saved','system','','stint-privileged-role-administrator','','','stint-privileged-role-administrator','','ok','{"actor":"system","at":1795338000000000,"object":"stint-privileged-role-administrator","result":"ok","role":"stint-privileged-role-administrator","seq":3,"type":"settings.saved","v":1}');
INSERT INTO "audit_entries" VALUES(4,1795338000000000,'role.saved','system','','stint-auditor','','','stint-auditor','','ok','{"actor":"system","at":1795338000000000,"object":"stint-auditor","result":"ok","role":"stint-auditor","seq":4,"type":"role.saved","v":1}');
INSERT INTO "audit_entries" VALUES(5,1795338000000000,'settings.saved','system','','stint-auditor','','','stint-auditor','','ok','{"actor":"system","at":1795338000000000,"object":"stint-auditor","result":"ok","role":"stint-auditor","seq":5,"type":"settings.saved","v":1}');
INSERT INTO "audit_entries" VALUES(6,1795338000000000,'credential.added','alice','alice','','','','nl7llef6uxn5dl7t45bzatg42iajjxni','','ok','{"actor":"alice","at":1795338000000000,"commitments":{"name":"QG+8FJvLdV3Yp8/khTiuATSWUsO8yeOSa9KmRh5xVzg="},"facts":{"allowed_by":"claim","attestation":"none"},"object":"nl7llef6uxn5dl7t45bzatg42iajjxni","result":"ok","seq":6,"subject":"alice","type":"credential.added","v":1}');
INSERT INTO "audit_entries" VALUES(7,1795338000000000,'credential.added','bob','bob','','','','62t4fr2rg2f25sbqiogznerauwh42vds','','ok','{"actor":"bob","at":1795338000000000,"commitments":{"name":"NIf7uxZqPH2LXzGVusOH6e6oc+ZAz5UJFUXOGTgbrYs="},"facts":{"allowed_by":"claim","attestation":"none"},"object":"62t4fr2rg2f25sbqiogznerauwh42vds","result":"ok","seq":7,"subject":"bob","type":"credential.added","v":1}');
INSERT INTO "audit_entries" VALUES(8,1795338000000000,'meaning.saved','system','','dba','org','dir','','','ok','{"actor":"system","at":1795338000000000,"facts":{"entitlement":"id:cn=dba"},"resource":"org","result":"ok","role":"dba","seq":8,"target":"dir","type":"meaning.saved","v":1}');
INSERT INTO "audit_entries" VALUES(9,1795338000000000,'meaning.saved','system','','vault','org','dir','','','ok','{"actor":"system","at":1795338000000000,"facts":{"entitlement":"id:cn=dba"},"resource":"org","result":"ok","role":"vault","seq":9,"target":"dir","type":"meaning.saved","v":1}');
INSERT INTO "audit_entries" VALUES(10,1795338000000000,'account.linked','system','alice','','','dir','acc-alice','','ok','{"actor":"system","at":1795338000000000,"facts":{"account":"id:alice"},"object":"acc-alice","result":"ok","seq":10,"subject":"alice","target":"dir","type":"account.linked","v":1}');
INSERT INTO "audit_entries" VALUES(11,1795338000000000,'account.linked','system','bob','','','dir','acc-bob','','ok','{"actor":"system","at":1795338000000000,"facts":{"account":"id:bob"},"object":"acc-bob","result":"ok","seq":11,"subject":"bob","target":"dir","type":"account.linked","v":1}');
INSERT INTO "audit_entries" VALUES(12,1795338000000000,'activation.requested','alice','alice','dba','org','','plywmaiqoslm4dk73wzcccypxothb36j','plywmaiqoslm4dk73wzcccypxothb36j','ok','{"actor":"alice","at":1795338000000000,"commitments":{"justification":"lKv5msFEhFHUEOx2HUo8yaVNJKDmrRcQOjN9dp9ezYI="},"correlation":"plywmaiqoslm4dk73wzcccypxothb36j","facts":{"assignment":"alice-dba","duration_s":3600,"evidence":"MyXngvMlwxl/AImrpxBkMNT54IDhkD44AzSgatCfgDk=","step_up":"wcocuojxsmpdf3y46ep3rbddu3ivjobw","verdicts":{"account":"pass","approval":"pass","duration":"pass","eligibility":"pass","justification":"pass","open":"pass","step_up":"pass","ticket":"pass"}},"object":"plywmaiqoslm4dk73wzcccypxothb36j","resource":"org","result":"ok","role":"dba","seq":12,"subject":"alice","type":"activation.requested","v":1}');
INSERT INTO "audit_entries" VALUES(13,1795338000000000,'activation.provisioning','alice','alice','dba','org','','plywmaiqoslm4dk73wzcccypxothb36j','plywmaiqoslm4dk73wzcccypxothb36j','ok','{"actor":"alice","at":1795338000000000,"correlation":"plywmaiqoslm4dk73wzcccypxothb36j","facts":{"ends_at":1795341600000000,"starts_at":1795338000000000},"object":"plywmaiqoslm4dk73wzcccypxothb36j","resource":"org","result":"ok","role":"dba","seq":13,"subject":"alice","type":"activation.provisioning","v":1}');
INSERT INTO "audit_entries" VALUES(14,1795338000000000,'grant.observed','system','','','','dir','sifxssgwhzs3663ncg6xwnawhmsbwdq5','','ok','{"actor":"system","at":1795338000000000,"facts":{"account":"id:alice","before":"absent","entitlement":"id:cn=dba","seen":"absent"},"object":"sifxssgwhzs3663ncg6xwnawhmsbwdq5","result":"ok","seq":14,"target":"dir","type":"grant.observed","v":1}');
INSERT INTO "audit_entries" VALUES(15,1795338000000000,'grant.confirmed','system','','','','dir','sifxssgwhzs3663ncg6xwnawhmsbwdq5','','ok','{"actor":"system","at":1795338000000000,"facts":{"account":"id:alice","before":"absent","entitlement":"id:cn=dba","seen":"present"},"object":"sifxssgwhzs3663ncg6xwnawhmsbwdq5","result":"ok","seq":15,"target":"dir","type":"grant.confirmed","v":1}');
INSERT INTO "audit_entries" VALUES(16,1795338000000000,'activation.confirmed','system','alice','dba','org','','plywmaiqoslm4dk73wzcccypxothb36j','plywmaiqoslm4dk73wzcccypxothb36j','ok','{"actor":"system","at":1795338000000000,"correlation":"plywmaiqoslm4dk73wzcccypxothb36j","object":"plywmaiqoslm4dk73wzcccypxothb36j","resource":"org","result":"ok","role":"dba","seq":16,"subject":"alice","type":"activation.confirmed","v":1}');
INSERT INTO "audit_entries" VALUES(17,1795338000000000,'activation.requested','alice','alice','vault','org','','77ieaus5liyg2zcd6asq6obutvgajrxn','77ieaus5liyg2zcd6asq6obutvgajrxn','ok','{"actor":"alice","at":1795338000000000,"commitments":{"justification":"n/8lFiT0FQOhQ7470bEcvjSvagEHJTanF0nJqqoahAs="},"correlation":"77ieaus5liyg2zcd6asq6obutvgajrxn","facts":{"assignment":"alice-vault","duration_s":3600,"evidence":"V5d3TOV4+4Vyrgr2dd99D9a9DMdH8CsANeX9QQixpKU=","step_up":"igu3huus5lhv5x4jdgfxihebu7rgbynf","verdicts":{"account":"pass","approval":"todo","duration":"pass","eligibility":"pass","justification":"pass","open":"pass","step_up":"pass","ticket":"pass"}},"object":"77ieaus5liyg2zcd6asq6obutvgajrxn","resource":"org","result":"ok","role":"vault","seq":17,"subject":"alice","type":"activation.requested","v":1}');
INSERT INTO "audit_entries" VALUES(18,1795338000000000,'activation.approval_requested','alice','alice','vault','org','','77ieaus5liyg2zcd6asq6obutvgajrxn','77ieaus5liyg2zcd6asq6obutvgajrxn','ok','{"actor":"alice","at":1795338000000000,"correlation":"77ieaus5liyg2zcd6asq6obutvgajrxn","facts":{"quorum":1,"stage":1,"times_out_at":1795424400000000},"object":"77ieaus5liyg2zcd6asq6obutvgajrxn","resource":"org","result":"ok","role":"vault","seq":18,"subject":"alice","type":"activation.approval_requested","v":1}');
CREATE TABLE audit_hashes (
  idx  BIGINT NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL
);
INSERT INTO "audit_hashes" VALUES(0,'lix6Msd/8f9f9saX0MQOYV8gFUx80KXH3LHYPRbSoNM=');
INSERT INTO "audit_hashes" VALUES(1,'yLwbjY+yUev8ZIjCLLKxcS+Dp1zEkTlzdTWjg7FolWM=');
INSERT INTO "audit_hashes" VALUES(2,'E8XmiJ+E/+SgT5DlAGTo9F4uQQWjm40Dx+V19KnHu4Y=');
INSERT INTO "audit_hashes" VALUES(3,'A/K6dwVY+Ze52pXKfXjGq+TcYbu1uMGLeDVfGXt4Bco=');
INSERT INTO "audit_hashes" VALUES(4,'w524bVJwt1/qsUsNIpCqkaCNRcN9o8lxGgN24AAVkKM=');
INSERT INTO "audit_hashes" VALUES(5,'dPt0TLOtCLJBF721nT4rij+cY4SZD2XHeirtnq8MNAU=');
INSERT INTO "audit_hashes" VALUES(6,'szE7+MA1RyjJr+PGsHFuvcsGXg4xtkGVhZNeYTn1xgs=');
INSERT INTO "audit_hashes" VALUES(7,'IBqo6hT81lefUYtWpA2T10DQQX7jguDgIzoZgsHBBxQ=');
INSERT INTO "audit_hashes" VALUES(8,'jEW90srKpGrI9ScYKusWtQ+ck725cH8eXjNzcKnMcko=');
INSERT INTO "audit_hashes" VALUES(9,'d9Fh/tJd1hraZZYWvWzHOwf6W8JPX+EROvX/C6SG3BE=');
INSERT INTO "audit_hashes" VALUES(10,'Zk014e8TweLoKAEylHWmzE1qWCTaXrDo3V3dvR8cszc=');
INSERT INTO "audit_hashes" VALUES(11,'7uwf1CrNwChYAxVT5D7qiRVgXR75Tuys1g7RP/oHTv4=');
INSERT INTO "audit_hashes" VALUES(12,'KaCwdqhjaTOY1amPv9ut4KhE5Cq4xSMEvlgTkdJJx0A=');
INSERT INTO "audit_hashes" VALUES(13,'vleIR+Z5svPOO4kKcoflTppsPnjU78w6a3GtuXFlUDQ=');
INSERT INTO "audit_hashes" VALUES(14,'20KMnRQKRcMTG0gO3e30e1Ac+IqVJSjqYXkLBpgQIoU=');
INSERT INTO "audit_hashes" VALUES(15,'SWLmXC/jh84bFpxZDxMGFRQ4O4wZmP+KRNBOFl81AYU=');
INSERT INTO "audit_hashes" VALUES(16,'8s6uiv47CYlYtxOo2YTAJHlF1h9AGrMGRMcPB0QEw+A=');
INSERT INTO "audit_hashes" VALUES(17,'h6WB6cG7ZrQYk2v/65jGV+6YJdTisHe/jldkfycU0d4=');
INSERT INTO "audit_hashes" VALUES(18,'7BohSeQcj8JJGieHRiqLzoYSV7dGHP0LbYxY4sn+388=');
INSERT INTO "audit_hashes" VALUES(19,'JUwNMmeARG6X1D6gkkL+a8u8zNOWW6aB8tAmyyGMdiw=');
INSERT INTO "audit_hashes" VALUES(20,'CXpcJdOaJTZosmNDfD8Vm7/280cl292AmJ8ULPYqcBc=');
INSERT INTO "audit_hashes" VALUES(21,'iLayGgx1hUI9RRRwstiH1KMoEcUvWEmc73NmbtXXyMI=');
INSERT INTO "audit_hashes" VALUES(22,'S+00J1c8rhguY9i1JzU0LJZ3MHsKld82SieTTO2aw24=');
INSERT INTO "audit_hashes" VALUES(23,'W/VJEaEpjyFukC4J+R5fOI203OtpJ6ER3m0SqgViPkY=');
INSERT INTO "audit_hashes" VALUES(24,'dlsJy7/jKPwbC5LVXJ15LFlcanxm1O6Cnftrn/SJM5M=');
INSERT INTO "audit_hashes" VALUES(25,'x7cEoHkbR4tN0lc9lI/AhUWvjrvFlTSywkb3gao0VrU=');
INSERT INTO "audit_hashes" VALUES(26,'hwPVxs7oNkm3VKmg7+LB4Xlbqm3FOFRWYjDvnr8UZvQ=');
INSERT INTO "audit_hashes" VALUES(27,'I7mLzqkaqi5QMMBezNR2hbTPnzzyElEAgHNvD1es4k8=');
INSERT INTO "audit_hashes" VALUES(28,'nvrggDP09VLCsMFTNy5eiadqO8JiL/vi7SVG32mfAhM=');
INSERT INTO "audit_hashes" VALUES(29,'VMLsNLxPVQX0FlK4uPQ7mjsn7fTCy7Ry8TNzj5YI57Q=');
INSERT INTO "audit_hashes" VALUES(30,'g8ckmB5Q4KxeGhvB7nr6OdfRFLFzaLQH8Wjxbpa9e/E=');
INSERT INTO "audit_hashes" VALUES(31,'O8d4zsFspS+31gvAofGPF09TdgM+j1Td9Yl+JV5szKU=');
INSERT INTO "audit_hashes" VALUES(32,'zn86ar67SHMFTyNo1O6IhClZmFcpVj9QP6EP9s6qChQ=');
INSERT INTO "audit_hashes" VALUES(33,'BkQ84IKUWZu9sg3VbxFWzkJbzvhfyOgd759XJqPW4gI=');
INSERT INTO "audit_hashes" VALUES(34,'KhgYe1ru6J804MZMtJF1SR9wbnSJf6yqoR3mej3FVxw=');
CREATE TABLE audit_head (
  id   INTEGER PRIMARY KEY,
  size BIGINT NOT NULL,
  root TEXT NOT NULL
);
INSERT INTO "audit_head" VALUES(1,19,'vwVt+ae2sNOwIAucyWywAFPySS1JRPodOMJszFDQp+8=');
CREATE TABLE audit_texts (
  seq   BIGINT NOT NULL,
  field TEXT NOT NULL,
  salt  TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (seq, field)
);
INSERT INTO "audit_texts" VALUES(6,'name','iSHKeW9SQFUQTLduWYvaejoRpOj1bQ/H7O1cx4A/Mxw=','Laptop');
INSERT INTO "audit_texts" VALUES(7,'name','owtiH+pb873P6cgfoXA8BqVxUPifeXALsQixMJwi+10=','Laptop');
INSERT INTO "audit_texts" VALUES(12,'justification','BV89mjgjD1DpidazwlSFWXb77fRZC41mXuE124V4IFw=','fix the index');
INSERT INTO "audit_texts" VALUES(17,'justification','iYWlRdfy60mw1GHHBjWwVFFFHRmA3+2NQTODzmPTA4E=','fix the index');
CREATE TABLE ceremonies (
  id           TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  session_id   TEXT NOT NULL,
  purpose      TEXT NOT NULL,
  payload      TEXT NOT NULL,
  ceremony     TEXT NOT NULL,
  back         TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE TABLE credentials (
  id              TEXT PRIMARY KEY,
  principal_id    TEXT NOT NULL REFERENCES principals (id),
  name            TEXT NOT NULL,
  raw_id          TEXT NOT NULL,
  public_key      TEXT NOT NULL,
  aaguid          TEXT NOT NULL DEFAULT '',
  attestation     TEXT NOT NULL DEFAULT '',
  transports      TEXT NOT NULL DEFAULT '[]',
  sign_count      BIGINT NOT NULL DEFAULT 0,
  backup_eligible INTEGER NOT NULL DEFAULT 0,
  backed_up       INTEGER NOT NULL DEFAULT 0,
  created_at      BIGINT NOT NULL,
  last_used_at    BIGINT NOT NULL DEFAULT 0,
  removed_at      BIGINT NOT NULL DEFAULT 0
);
INSERT INTO "credentials" VALUES('nl7llef6uxn5dl7t45bzatg42iajjxni','alice','Laptop','hU2sx0SPjfVSPNf28KYyZ3Od99tIs7wmNs2XA6w/GEU=','pQECAyYgASFYIPAD9CEncEGUmheGLX86bPyF4YOlwwnJ8p51kCv9ymQFIlggzDgnCXwPi5Nb8m4jQObdu+/K+OiX8ih07PssOr5feZk=','AAAAAAAAAAAAAAAAAAAAAA==','none','["hybrid","internal"]',2,0,0,1795338000000000,1795338000000000,0);
INSERT INTO "credentials" VALUES('62t4fr2rg2f25sbqiogznerauwh42vds','bob','Laptop','RnRByDVmqxMVN3OeD6ujWJasE7FIDGHiZDYqDH8YqO0=','pQECAyYgASFYID87YPIs0yEgXGchv1cGA0fk57mqDAspbSMFpRyRBPFlIlggOwlJ8VNCCb5/TGWXlAiCJHtI6ZsjsEMMA0eae7Fuh2I=','AAAAAAAAAAAAAAAAAAAAAA==','none','["hybrid","internal"]',0,0,0,1795338000000000,0,0);
CREATE TABLE favourites (
  principal_id TEXT NOT NULL REFERENCES principals (id),
  role_id      TEXT NOT NULL,
  resource_id  TEXT NOT NULL,
  PRIMARY KEY (principal_id, role_id, resource_id)
);
CREATE TABLE file_applies (
  id          TEXT PRIMARY KEY,
  digest      TEXT NOT NULL,
  applied_at  BIGINT NOT NULL,
  changes     BIGINT NOT NULL
);
CREATE TABLE grant_needs (
  grant_id      TEXT NOT NULL REFERENCES grants (id),
  need_kind     TEXT NOT NULL,
  need_id       TEXT NOT NULL,
  starts_at     BIGINT NOT NULL,
  ends_at       BIGINT NOT NULL DEFAULT 0,
  ended_at      BIGINT NOT NULL DEFAULT 0,
  outcome       TEXT NOT NULL DEFAULT '',
  shared_with   TEXT NOT NULL DEFAULT '',
  settled_at    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (grant_id, need_kind, need_id)
);
INSERT INTO "grant_needs" VALUES('sifxssgwhzs3663ncg6xwnawhmsbwdq5','activation','plywmaiqoslm4dk73wzcccypxothb36j',1795338000000000,1795341600000000,0,'','',0);
CREATE TABLE grants (
  id             TEXT PRIMARY KEY,
  target_id      TEXT NOT NULL REFERENCES targets (id),
  account_id     TEXT NOT NULL,
  entitlement_id TEXT NOT NULL,
  account_name   TEXT NOT NULL DEFAULT '',
  entitlement    TEXT NOT NULL DEFAULT '',
  before         TEXT NOT NULL DEFAULT 'unknown',
  seen           TEXT NOT NULL DEFAULT 'unknown',
  seen_at        BIGINT NOT NULL DEFAULT 0,
  wanted         INTEGER NOT NULL DEFAULT 0,
  confirmed      INTEGER NOT NULL DEFAULT 0,
  lost           INTEGER NOT NULL DEFAULT 0,
  wanted_until   BIGINT NOT NULL DEFAULT 0,
  unsure_until   BIGINT NOT NULL DEFAULT 0,
  adopted        INTEGER NOT NULL DEFAULT 0,
  due_at         BIGINT NOT NULL DEFAULT 0,
  late_since     BIGINT NOT NULL DEFAULT 0,
  late_told_at   BIGINT NOT NULL DEFAULT 0,
  tries          INTEGER NOT NULL DEFAULT 0,
  attempt        BIGINT NOT NULL DEFAULT 0,
  lease_until    BIGINT NOT NULL DEFAULT 0,
  error_kind     TEXT NOT NULL DEFAULT '',
  error          TEXT NOT NULL DEFAULT '',
  version        BIGINT NOT NULL DEFAULT 1
);
INSERT INTO "grants" VALUES('sifxssgwhzs3663ncg6xwnawhmsbwdq5','dir','id:alice','id:cn=dba','alice','cn=dba','absent','present',1795338000000000,1,1,0,1795341600000000,1795338000000000,0,1795338308641230,0,0,0,1,0,'','',4);
CREATE TABLE group_members (
  group_id    TEXT NOT NULL REFERENCES principals (id),
  member_id   TEXT NOT NULL REFERENCES principals (id),
  source      TEXT NOT NULL,
  fresh_until BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (group_id, member_id, source)
);
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
INSERT INTO "meta" VALUES('mode','');
INSERT INTO "meta" VALUES('clock','1795338000000000');
CREATE TABLE notices (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  text         TEXT NOT NULL,
  link         TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  read_at      BIGINT NOT NULL DEFAULT 0
);
INSERT INTO "notices" VALUES('z2dlxnb3t3yyvprggxy2hofekr7qk64i','alice','A passkey was added: Laptop','/passkeys',1795338000000000,0);
INSERT INTO "notices" VALUES('xhb44hrdr5aayzx7yva5m5moxelfhk7i','bob','A passkey was added: Laptop','/passkeys',1795338000000000,0);
INSERT INTO "notices" VALUES('k6ktcoymbqeybwftrrzc3gpsk6elpbnw','bob','alice asks for Vault on Northwind','/approvals/77ieaus5liyg2zcd6asq6obutvgajrxn',1795338000000000,0);
CREATE TABLE principals (
  id           TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  file_key     TEXT NOT NULL DEFAULT '',
  name         TEXT NOT NULL,
  email        TEXT NOT NULL DEFAULT '',
  department   TEXT NOT NULL DEFAULT '',
  title        TEXT NOT NULL DEFAULT '',
  issuer       TEXT NOT NULL DEFAULT '',
  subject      TEXT NOT NULL DEFAULT '',
  match_claim  TEXT NOT NULL DEFAULT '',
  match_value  TEXT NOT NULL DEFAULT '',
  person_id    TEXT NOT NULL DEFAULT '',
  enabled      INTEGER NOT NULL DEFAULT 1,
  source       TEXT NOT NULL,
  zone         TEXT NOT NULL DEFAULT '',
  theme        TEXT NOT NULL DEFAULT '',
  created_at   BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL DEFAULT 0,
  removed_at   BIGINT NOT NULL DEFAULT 0,
  version      BIGINT NOT NULL DEFAULT 1
);
INSERT INTO "principals" VALUES('alice','person','','alice','','','','','','','','alice',1,'file','','',1795338000000000,0,0,1);
INSERT INTO "principals" VALUES('bob','person','','bob','','','','','','','','bob',1,'file','','',1795338000000000,0,0,1);
CREATE TABLE resources (
  id         TEXT PRIMARY KEY,
  file_key   TEXT NOT NULL DEFAULT '',
  parent_id  TEXT NOT NULL DEFAULT '',
  target_id  TEXT NOT NULL DEFAULT '',
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  source     TEXT NOT NULL,
  removed_at BIGINT NOT NULL DEFAULT 0,
  version    BIGINT NOT NULL DEFAULT 1
);
INSERT INTO "resources" VALUES('stint','stint','','stint','stint','Stint','builtin',0,1);
INSERT INTO "resources" VALUES('org','','','dir','organisation','Northwind','file',0,1);
CREATE TABLE role_definitions (
  id          TEXT PRIMARY KEY,
  file_key    TEXT NOT NULL DEFAULT '',
  name        TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  privileged  INTEGER NOT NULL DEFAULT 0,
  source      TEXT NOT NULL,
  removed_at  BIGINT NOT NULL DEFAULT 0,
  version     BIGINT NOT NULL DEFAULT 1
);
INSERT INTO "role_definitions" VALUES('stint-privileged-role-administrator','privileged-role-administrator','Privileged Role Administrator','Administers Stint: people, accounts, targets; ends anybody''s activation.',1,'builtin',0,1);
INSERT INTO "role_definitions" VALUES('stint-auditor','auditor','Auditor','Reads the whole audit log.',0,'builtin',0,1);
INSERT INTO "role_definitions" VALUES('dba','','DBA','',1,'file',0,1);
INSERT INTO "role_definitions" VALUES('vault','','Vault','',1,'file',0,1);
CREATE TABLE role_meanings (
  role_id        TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id    TEXT NOT NULL REFERENCES resources (id),
  name           TEXT NOT NULL,
  entitlement_id TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (role_id, resource_id, name)
);
INSERT INTO "role_meanings" VALUES('dba','org','cn=dba','id:cn=dba');
INSERT INTO "role_meanings" VALUES('vault','org','cn=dba','id:cn=dba');
CREATE TABLE role_settings (
  role_id            TEXT NOT NULL REFERENCES role_definitions (id),
  resource_id        TEXT NOT NULL DEFAULT '',
  max_duration_s     BIGINT,
  default_duration_s BIGINT,
  step_up            TEXT,
  justification      INTEGER,
  ticket             INTEGER,
  approval           INTEGER,
  approvers          TEXT,
  approval_timeout_s BIGINT,
  source             TEXT NOT NULL,
  version            BIGINT NOT NULL DEFAULT 1,
  PRIMARY KEY (role_id, resource_id)
);
INSERT INTO "role_settings" VALUES('stint-privileged-role-administrator','',28800,7200,NULL,NULL,NULL,NULL,NULL,NULL,'builtin',1);
INSERT INTO "role_settings" VALUES('stint-auditor','',28800,7200,NULL,NULL,NULL,NULL,NULL,NULL,'builtin',1);
INSERT INTO "role_settings" VALUES('dba','',3600,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'file',1);
INSERT INTO "role_settings" VALUES('vault','',NULL,NULL,NULL,NULL,NULL,1,'["bob"]',NULL,'file',1);
CREATE TABLE schema_common (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "schema_common" VALUES(1,0,1,'2026-11-25 23:34:37');
INSERT INTO "schema_common" VALUES(2,1,1,'2026-11-25 23:34:38');
CREATE TABLE schema_engine (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "schema_engine" VALUES(1,0,1,'2026-11-25 23:34:38');
INSERT INTO "schema_engine" VALUES(2,1,1,'2026-11-25 23:34:38');
CREATE TABLE sessions (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL DEFAULT '',
  data         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  seen_at      BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL
);
CREATE TABLE step_ups (
  id            TEXT PRIMARY KEY,
  principal_id  TEXT NOT NULL REFERENCES principals (id),
  credential_id TEXT NOT NULL REFERENCES credentials (id),
  at            BIGINT NOT NULL,
  random        TEXT NOT NULL,
  canonical     TEXT NOT NULL,
  salt          TEXT NOT NULL DEFAULT '',
  auth_data     TEXT NOT NULL,
  client_data   TEXT NOT NULL,
  signature     TEXT NOT NULL,
  sign_count    BIGINT NOT NULL,
  user_verified INTEGER NOT NULL,
  backed_up     INTEGER NOT NULL
);
INSERT INTO "step_ups" VALUES('wcocuojxsmpdf3y46ep3rbddu3ivjobw','alice','nl7llef6uxn5dl7t45bzatg42iajjxni',1795338000000000,'nbeO/qSU+JMo/PCIxUlH/katF7Bi34EEAnrKIu1U2bI=','eyJ2IjoxLCJwZXJzb24iOiJhbGljZSIsIml0ZW1zIjpbeyJhY3Rpb24iOiJhY3RpdmF0aW9uLnJlcXVlc3QiLCJvYmplY3QiOiJhbGljZS1kYmEiLCJ2ZXJzaW9uIjoxLCJyb2xlX2lkIjoiZGJhIiwicmVzb3VyY2VfaWQiOiJvcmciLCJkdXJhdGlvbl9zIjozNjAwLCJjb21taXRtZW50IjoiOE43ZUhkL2N1cGpxVkxGVGo4Uno0ZkQ1b3JIVFNnaktVUjJCdDRReGRZQT0ifV19','067k7I6HKnkcNZGy4M1aXRfmupo/+ZLAb5Y+pGIa3X8=','SZYN5YgOjGh0NBcPZHZgW4/krrmihjLHmVzzuoMdl2MFAAAAAQ==','eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiRnlNWTI1R1ZxdG5wV3hMWkZTWmk0VjdtaXFQVUVBTlNQcmZLR1VDbkpmUSIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6ODA4MCIsImNyb3NzT3JpZ2luIjpmYWxzZX0=','MEUCIQCStgBvZpDWqq4VW2xPovkew6W+++qx/DP6w0nd3s7lBwIgEAporLMbx6acg34uliBe9h/d+DZCtxXMCeu5xCZRCOw=',1,1,0);
INSERT INTO "step_ups" VALUES('igu3huus5lhv5x4jdgfxihebu7rgbynf','alice','nl7llef6uxn5dl7t45bzatg42iajjxni',1795338000000000,'jgoyPkyEkfBia16ikhssD9eCMsdMSIqFJpVhcCuCAMI=','eyJ2IjoxLCJwZXJzb24iOiJhbGljZSIsIml0ZW1zIjpbeyJhY3Rpb24iOiJhY3RpdmF0aW9uLnJlcXVlc3QiLCJvYmplY3QiOiJhbGljZS12YXVsdCIsInZlcnNpb24iOjEsInJvbGVfaWQiOiJ2YXVsdCIsInJlc291cmNlX2lkIjoib3JnIiwiZHVyYXRpb25fcyI6MzYwMCwiY29tbWl0bWVudCI6IkxEN1d0akxmMXYxelpzT0dBZ1ZXeHhWT1hZS2FEcGR4M3F0TWlYZFR6d009In1dfQ==','vkoXhgNklUGXWFYntm2o5Ynn+FsIdK8Wlms2cQhrNyg=','SZYN5YgOjGh0NBcPZHZgW4/krrmihjLHmVzzuoMdl2MFAAAAAg==','eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiUjBReWtQUEdrRUZRMlk4NW9zUFZxWVRjSkI3eFlXSnpYSTEtM3lDbGRHZyIsIm9yaWdpbiI6Imh0dHA6Ly9sb2NhbGhvc3Q6ODA4MCIsImNyb3NzT3JpZ2luIjpmYWxzZX0=','MEQCIDSOKmWFV1HtrA5viM9klnt9IbFkMzO3hPay1vTI+zYGAiAQ83fjYdOg8+U3gGW1h2ZB5Xa7S7iWGhAEHQzLXbV/tw==',2,1,0);
CREATE TABLE targets (
  id           TEXT PRIMARY KEY,
  file_key     TEXT NOT NULL DEFAULT '',
  kind         TEXT NOT NULL,
  name         TEXT NOT NULL,
  settings     TEXT NOT NULL DEFAULT '{}',
  may_write    TEXT NOT NULL DEFAULT '[]',
  secret_from  TEXT NOT NULL DEFAULT '',
  sealed       TEXT NOT NULL DEFAULT '',
  source       TEXT NOT NULL,
  ok_at        BIGINT NOT NULL DEFAULT 0,
  failing_at   BIGINT NOT NULL DEFAULT 0,
  told_at      BIGINT NOT NULL DEFAULT 0,
  error_kind   TEXT NOT NULL DEFAULT '',
  error        TEXT NOT NULL DEFAULT '',
  removed_at   BIGINT NOT NULL DEFAULT 0,
  version      BIGINT NOT NULL DEFAULT 1
);
INSERT INTO "targets" VALUES('stint','stint','stint','Stint','null','null','','','builtin',0,0,0,'','',0,1);
INSERT INTO "targets" VALUES('dir','','ward','Directory','null','null','','','file',1795338000000000,0,0,'','',0,1);
CREATE TABLE vouchers (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  hash       TEXT NOT NULL,
  person_id  TEXT NOT NULL DEFAULT '',
  issued_by  TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX principals_subject ON principals (issuer, subject) WHERE subject <> '';
CREATE UNIQUE INDEX principals_file_key ON principals (kind, file_key) WHERE file_key <> '' AND removed_at = 0;
CREATE INDEX principals_match ON principals (match_claim, match_value) WHERE match_claim <> '';
CREATE INDEX principals_name ON principals (kind, name, id);
CREATE INDEX principals_person ON principals (person_id);
CREATE INDEX group_members_member ON group_members (member_id, group_id);
CREATE INDEX group_members_fresh ON group_members (fresh_until) WHERE fresh_until > 0;
CREATE UNIQUE INDEX targets_file_key ON targets (file_key) WHERE file_key <> '' AND removed_at = 0;
CREATE UNIQUE INDEX accounts_principal ON accounts (principal_id, target_id) WHERE removed_at = 0;
CREATE INDEX accounts_external ON accounts (target_id, external_id);
CREATE UNIQUE INDEX resources_file_key ON resources (file_key) WHERE file_key <> '' AND removed_at = 0;
CREATE INDEX resources_parent ON resources (parent_id);
CREATE UNIQUE INDEX role_definitions_file_key ON role_definitions (file_key) WHERE file_key <> '' AND removed_at = 0;
CREATE UNIQUE INDEX assignments_one ON assignments (principal_id, role_id, resource_id, kind) WHERE ended_at = 0;
CREATE INDEX assignments_role ON assignments (role_id, resource_id) WHERE ended_at = 0;
CREATE INDEX assignments_due ON assignments (ends_at) WHERE ended_at = 0 AND ends_at > 0;
CREATE UNIQUE INDEX activations_open ON activations (person_id, role_id, resource_id)
  WHERE state IN ('pending_approval', 'provisioning', 'active');
CREATE INDEX activations_open_by ON activations (principal_id) WHERE state IN ('pending_approval', 'provisioning', 'active');
CREATE INDEX activations_person ON activations (principal_id, requested_at, id);
CREATE INDEX activations_due ON activations (ends_at) WHERE state IN ('provisioning', 'active');
CREATE INDEX activations_pending ON activations (requested_at, id) WHERE state = 'pending_approval';
CREATE INDEX activations_assignment ON activations (assignment_id) WHERE state IN ('pending_approval', 'provisioning', 'active');
CREATE INDEX activations_ending ON activations (ended_at) WHERE settled_at = 0 AND starts_at > 0 AND ended_at > 0;
CREATE INDEX approval_stages_due ON approval_stages (times_out_at) WHERE closed_at = 0;
CREATE UNIQUE INDEX approval_decisions_once ON approval_decisions (activation_id, stage, person_id);
CREATE INDEX approval_decisions_by ON approval_decisions (principal_id, decided_at, id);
CREATE UNIQUE INDEX grants_fact ON grants (target_id, account_id, entitlement_id);
CREATE INDEX grants_due ON grants (due_at) WHERE due_at > 0;
CREATE INDEX grants_late ON grants (target_id, late_since) WHERE late_since > 0;
CREATE INDEX grant_needs_need ON grant_needs (need_kind, need_id);
CREATE INDEX grant_needs_open ON grant_needs (grant_id) WHERE settled_at = 0;
CREATE UNIQUE INDEX credentials_raw ON credentials (raw_id);
CREATE INDEX credentials_principal ON credentials (principal_id) WHERE removed_at = 0;
CREATE INDEX ceremonies_expired ON ceremonies (expires_at);
CREATE UNIQUE INDEX vouchers_hash ON vouchers (hash);
CREATE INDEX sessions_principal ON sessions (principal_id);
CREATE INDEX sessions_expired ON sessions (expires_at);
CREATE INDEX notices_principal ON notices (principal_id, created_at, id);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, seq);
CREATE INDEX audit_entries_subject ON audit_entries (subject_id, seq) WHERE subject_id <> '';
CREATE INDEX audit_entries_role ON audit_entries (role_id, seq) WHERE role_id <> '';
CREATE INDEX audit_entries_type ON audit_entries (type, seq);
CREATE INDEX audit_entries_result ON audit_entries (result, seq) WHERE result <> 'ok';
CREATE INDEX audit_entries_correlation ON audit_entries (correlation, seq) WHERE correlation <> '';
CREATE TRIGGER audit_entries_keep_update BEFORE UPDATE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
CREATE TRIGGER audit_entries_keep_delete BEFORE DELETE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
CREATE TRIGGER audit_hashes_keep_update BEFORE UPDATE ON audit_hashes BEGIN SELECT RAISE(ABORT, 'audit hashes are append-only'); END;
CREATE TRIGGER audit_hashes_keep_delete BEFORE DELETE ON audit_hashes BEGIN SELECT RAISE(ABORT, 'audit hashes are append-only'); END;
CREATE TRIGGER activations_terminal BEFORE UPDATE OF state ON activations
WHEN OLD.state NOT IN ('pending_approval', 'provisioning', 'active') AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'an activation that is over does not change its state'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('schema_common',2);
INSERT INTO "sqlite_sequence" VALUES('schema_engine',2);
COMMIT;

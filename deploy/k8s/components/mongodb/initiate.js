// Make the replica set and its two users where they are not there yet. Exits with an error to be run again.
const fs = require("fs");
const secret = (name) => fs.readFileSync(`${process.env.SECRETS}/${name}`, "utf8").trim();
const members = process.env.MEMBERS.split(",").map((host, _id) => ({ _id, host }));
const admin = db.getSiblingDB("admin");
const CODE = { alreadyInitialized: 23, notYetInitialized: 94, unauthorized: 13, userExists: 51003 };

function attempt(action, ...expected) {
  try {
    action();
  } catch (error) {
    if (!expected.includes(error.code)) throw error;
  }
}

attempt(() => rs.initiate({ _id: "nocturnal", members }), CODE.alreadyInitialized, CODE.unauthorized);
// A member that has lost its volume joins again by itself; only who is primary makes users.
for (let waited = 0; !db.hello().isWritablePrimary; waited++) {
  if (db.hello().primary) quit(0);
  if (waited > 60) throw new Error("there is no primary yet");
  sleep(1000);
}
attempt(
  () => admin.createUser({ user: "root", pwd: secret("root-password"), roles: ["root"] }),
  CODE.userExists, CODE.unauthorized, // both: they were made before
);
admin.auth("root", secret("root-password"));
attempt(
  () => admin.createUser({
    user: "nocturnal",
    pwd: secret("app-password"),
    roles: [{ role: "readWrite", db: "nocturnal" }, { role: "dbAdmin", db: "nocturnal" }],
  }),
  CODE.userExists,
);
print("the replica set and its users are there");

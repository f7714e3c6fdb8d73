// Sends a file straight to the storage. One that was interrupted goes on where it stopped when its id is given.
export async function uploadDirectly(file, { api, token, category = "general", id = null, onProgress = () => {} }) {
  const { upload, method, url, fields, parts } =
    id ? await call("GET", `${id}/parts`) : await call("POST", "presign", await announcement());
  if (method === "POST") await send("POST", url, form(fields), onProgress);
  else await sendParts(parts);
  return completed(upload.id);

  async function announcement() {
    const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    const sha256 = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return { filename: file.name, content_type: file.type, size_bytes: file.size, sha256, category };
  }

  function form(fields) {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    data.append("file", file); // last: what comes after it is not read
    return data;
  }

  async function sendParts(parts) {
    let sent = 0;
    for (const { size_bytes, url } of parts) {
      const share = (done) => onProgress((sent + done * size_bytes) / file.size);
      if (url) await send("PUT", url, file.slice(sent, sent + size_bytes), share);
      sent += size_bytes;
      share(0);
    }
  }

  async function completed(id) {
    for (;;) {
      try {
        return await call("POST", `${id}/complete`, {});
      } catch (problem) {
        if (problem.code !== "request_in_progress") throw problem; // a large file is verified for a while
        await new Promise((resume) => setTimeout(resume, 2000));
      }
    }
  }

  async function call(method, path, body) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const answer = await fetch(`${api}/uploads/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const said = await answer.json();
    return answer.ok ? said : Promise.reject(Object.assign(new Error(said.detail), said));
  }
}

function send(method, url, body, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how far it is
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onload = () => (request.status < 300 ? resolve() : reject(new Error(`The storage said ${request.status}.`)));
    request.onerror = () => reject(new Error("The storage was not reached."));
    request.open(method, url);
    request.send(body);
  });
}

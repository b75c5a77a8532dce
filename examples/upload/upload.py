"""Uploads a file of any size to Adrastea: python upload.py URL TOKEN FILE PATH. Run it again to go on after a break."""
import base64, hashlib, http.client, json, os, sys, urllib.parse

url, token, file, path = sys.argv[1:]
url, length = urllib.parse.urlsplit(url), os.path.getsize(file)
tus = {"Authorization": f"token {token}", "Tus-Resumable": "1.0.0"}
server = http.client.HTTPConnection(url.netloc)

def ask(method, path, body=None, **headers):
    server.request(method, path, body, tus | {name.replace("_", "-"): str(value) for name, value in headers.items()})
    answer = server.getresponse()
    text = answer.read().decode()
    assert answer.status < 400, f"{method} {path}: {answer.status} {text}"
    return answer.headers, json.loads(text or "null")

base = url.path.rstrip("/") + "/api/uploads"
begun = [it for it in ask("GET", base)[1] if it["path"] == path and it["length"] == length and not it["complete"]]
upload = f"{base}/{begun[0]['id']}" if begun else ask(
    "POST", base, Upload_Length=length,
    Upload_Metadata=f"path {base64.b64encode(path.encode()).decode()},overwrite")[0]["Location"]
offset = int(ask("HEAD", upload)[0]["Upload-Offset"])
with open(file, "rb") as source:
    while offset < length:
        source.seek(offset)
        part = source.read(16 * 1024 * 1024)
        offset = int(ask("PATCH", upload, part, Upload_Offset=offset,
                         Content_Type="application/offset+octet-stream")[0]["Upload-Offset"])
        print(f"\r{100 * offset // length} %", end="")
    source.seek(0)
    ours = hashlib.file_digest(source, "sha256").hexdigest()
assert ask("GET", upload)[1]["sha256"] == ours, "what arrived is not what was sent"
print("\nsha256", ours)

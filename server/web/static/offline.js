// The page for where there is no line: goes on by itself once there is one.

window.addEventListener("online", () => location.reload());
document.getElementById("again").addEventListener("click", () => location.reload());

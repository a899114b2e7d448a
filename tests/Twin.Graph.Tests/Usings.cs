global using Twin.Model;
global using Xunit;
